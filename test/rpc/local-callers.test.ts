import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {withoutKoffi} from '../../lab/without-koffi.js';
import {DaemonProcess, main, socketFolder} from './daemon-process.js';

const withoutBinary = [process.execPath, withoutKoffi, main];

test('without koffi the daemon starts, warns that it cannot tell callers apart, and lets them do nothing', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.startBy(withoutBinary, folder.socket);
  const {level, reason} = await daemon.line('access.callers_unknown');
  t.is(level, 'warn');
  t.regex(String(reason), /koffi has no binary/);
  await t.throwsAsync(daemon.controller.list(), {code: 'UNAUTHENTICATED'});
});

test('without koffi they may do what the policy lets anonymous do', async t => {
  await using folder = await socketFolder();
  const policy = join(folder.path, 'policy.yaml');
  await writeFile(policy, 'bindings:\n  - role: viewer\n    identities: [anonymous]\n', {mode: 0o600});
  await using daemon = await DaemonProcess.startBy(withoutBinary, folder.socket, '--policy', policy);
  t.deepEqual(await daemon.controller.list(), []);
});
