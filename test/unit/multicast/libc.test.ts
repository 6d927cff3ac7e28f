import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';

const libc = JSON.stringify(new URL('../../../src/multicast/kernel/libc.js', import.meta.url).href);

/** Makes `koffi` a package that is not installed, as for an architecture without a binary. */
const hook = `export const resolve = async (name, context, next) => {
  if (name === 'koffi') throw new Error('Cannot find package');
  return next(name, context);
};`;
const url = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
const withoutKoffi = url(`import {register} from 'node:module'; register(${JSON.stringify(url(hook))});`);

test('without a binary for this machine the refusal says what is missing', async t => {
  const program = `
    const {loadLibc} = await import(${libc});
    const {name, kind, message} = await loadLibc().catch(error => error);
    console.log(JSON.stringify({name, kind, message}));`;
  const args = ['--import', withoutKoffi, '--input-type=module', '--eval', program];
  const {stdout} = await promisify(execFile)(process.execPath, args);
  const {name, kind, message} = JSON.parse(stdout);
  t.deepEqual([name, kind], ['SocketError', 'unsupported']);
  t.regex(message, new RegExp(`koffi has no binary for ${process.platform} ${process.arch}`));
});
