import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {withoutKoffi} from '../../../lab/without-koffi.js';

const calls = JSON.stringify(new URL('../../../src/multicast/kernel/socket-calls.js', import.meta.url).href);

test('without a binary for this machine the refusal says what is missing', async t => {
  const program = `
    const {loadLibc} = await import(${calls});
    const {name, kind, message} = await loadLibc().catch(error => error);
    console.log(JSON.stringify({name, kind, message}));`;
  const args = [withoutKoffi, '--input-type=module', '--eval', program];
  const {stdout} = await promisify(execFile)(process.execPath, args);
  const {name, kind, message} = JSON.parse(stdout);
  t.deepEqual([name, kind], ['SocketError', 'unsupported']);
  t.regex(message, new RegExp(`koffi has no binary for ${process.platform} ${process.arch}`));
});
