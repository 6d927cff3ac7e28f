import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:net';
import test from 'ava';
import {permissionHint} from '../../src/permission-hint.js';

const refusal = (code: string, more: object = {}) => Object.assign(new Error(code), {code, ...more});
const wrapped = (cause: Error) => new Error('cannot start', {cause: new Error('cannot open', {cause})});

test('root hears that it may no more than others, however deep the reason is', t => {
  for (const code of ['EACCES', 'EPERM']) t.regex(permissionHint(wrapped(refusal(code)), 0), /CAP_DAC_OVERRIDE/);
});

test('other users, and root for other reasons, hear nothing more', t => {
  t.is(permissionHint(wrapped(refusal('EACCES')), 1000), '');
  t.is(permissionHint(wrapped(refusal('ENOSPC')), 0), '');
  t.is(permissionHint(new Error('another'), 0), '');
  t.is(permissionHint('no error at all', 0), '');
});

test('whoever may not have a port hears which ones it may have', async t => {
  const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  const refused = refusal('EACCES', {syscall: 'listen', address: '127.0.0.1', port: 1});
  for (const uid of [0, 1000]) t.regex(permissionHint(wrapped(refused), uid), /ip_unprivileged_port_start/);
  // What Node.js says of it in truth, where this process may not.
  if (process.getuid?.() === 0 || lowest <= 1) return;
  const server = createServer().listen(1, '127.0.0.1');
  const [error] = await once(server, 'error');
  t.regex(permissionHint(error, 1000), /ip_unprivileged_port_start/);
});
