// The access of remote and local callers, with the daemon as users start it.
import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod, chown, readFile, rename, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {credentials, status} from '@grpc/grpc-js';
import test from 'ava';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {fromNow, TestCa, uri, writeTlsFiles} from '../certificates.js';
import {controllerOf, type Refusal, specs} from './controller.js';
import {DaemonProcess, main, runToEnd, socketFolder} from './daemon-process.js';
import {endOf} from './plumbing.js';

const execute = promisify(execFile);
const policyText = (role: string) =>
  `bindings:\n  - role: ${role}\n    identities: ["spiffe://example.org/controller", "uid:${process.getuid?.()}"]\n`;

/** A folder with a policy, and with what TLS needs. */
async function accessFolder() {
  const folder = await socketFolder();
  const ca = await TestCa.create();
  const files = await writeTlsFiles(folder.path, await ca.server(), ca.pem);
  const policy = join(folder.path, 'policy.yaml');
  await writeFile(policy, policyText('operator'), {mode: 0o600});
  const tls = ['--tls-cert', files.cert, '--tls-key', files.key, '--tls-client-ca', files.clientCa];
  return {...folder, ca, files, policy, tls, audit: join(folder.path, 'audit.log')};
}
type AccessFolder = Awaited<ReturnType<typeof accessFolder>>;

test('what the process holds is said before anything that it reads', async t => {
  await using folder = await accessFolder();
  const flags = ['--listen=tls:127.0.0.1:0', ...folder.tls, `--policy=${folder.policy}`];
  await using daemon = await DaemonProcess.start(join(folder.path, 'd.sock'), ...flags);
  const names = daemon.lines.map(({message}) => message);
  t.deepEqual(names.slice(0, 3), ['daemon.privileges', 'tls.loaded', 'policy.loaded']);
});

const mistakes: [what: string, make: (folder: AccessFolder) => Promise<string[]>, message: RegExp][] = [
  ['TLS without a policy', async ({tls}) => ['--listen=tls:127.0.0.1:0', ...tls], /--policy is missing/],
  ['TLS without a listener for it', async ({tls}) => tls, /--tls-cert.*no listener has TLS; a TCP listener is missing/],
  [
    'an address beyond loopback without TLS',
    async ({policy}) => ['--listen=0.0.0.0:0', `--policy=${policy}`],
    /--listen: .* needs TLS: --tls-cert, --tls-key and --tls-client-ca are missing/,
  ],
  [
    'a key that anybody may read',
    async ({files, tls, policy}) => {
      await chmod(files.key, 0o644);
      return ['--listen=tls:127.0.0.1:0', ...tls, `--policy=${policy}`];
    },
    /--tls-key: .*tls\.key/,
  ],
  [
    'the key of another certificate',
    async ({files, tls, policy, ca}) => {
      await writeFile(files.key, (await ca.server()).key);
      return ['--listen=tls:127.0.0.1:0', ...tls, `--policy=${policy}`];
    },
    /--tls-key: .*tls\.key/,
  ],
  [
    'a certificate that has expired',
    async ({files, tls, policy, ca}) => {
      const {cert, key} = await ca.server({notBefore: fromNow(-20_000), notAfter: fromNow(-10_000)});
      await writeFile(files.cert, cert);
      await writeFile(files.key, key);
      return ['--listen=tls:127.0.0.1:0', ...tls, `--policy=${policy}`];
    },
    /--tls-cert: .*tls\.crt/,
  ],
  [
    'a CA that is none',
    async ({files, tls, policy, ca}) => {
      await writeFile(files.clientCa, (await ca.client({subject: 'CN=x'})).cert);
      return ['--listen=tls:127.0.0.1:0', ...tls, `--policy=${policy}`];
    },
    /--tls-client-ca: .*ca\.crt/,
  ],
  [
    'a policy with a mistake',
    async ({policy}) => {
      await writeFile(policy, 'bindings:\n  - role: king\n    identities: ["uid:0"]\n');
      return [`--policy=${policy}`];
    },
    /--policy .*policy\.yaml, line 2, column 11: /,
  ],
  ['an audit log that is a folder', async ({path}) => [`--audit-log=${path}`], /--audit-log .* is a directory/],
  ['an audit log that is needed and not there', async () => ['--audit-required'], /--audit-required.*--audit-log/],
  ['metrics beyond loopback', async () => ['--metrics=0.0.0.0:0'], /--metrics: /],
];
for (const [what, make, message] of mistakes) {
  test(`${what} is refused with exit code 2 and a sentence that names file and flag`, async t => {
    await using folder = await accessFolder();
    const args = ['--netlink=memory', '--socket', folder.socket, ...(await make(folder))];
    const {code, stderr} = await runToEnd(args);
    t.regex(stderr, message);
    t.notRegex(stderr, / at .*\.js/); // no stack
    t.is(code, 2);
  });
}

test('a remote controller works over TLS, is written down, and loses its right with the next policy', async t => {
  await using folder = await accessFolder();
  const {tls, policy, audit, ca} = folder;
  const flags = ['--listen=tls:127.0.0.1:0', ...tls, '--policy', policy, '--audit-log', audit, '--audit-required'];
  await using daemon = await DaemonProcess.start(folder.socket, ...flags);
  const {listeners} = (await daemon.line('daemon.ready')) as unknown as {listeners: string[]};
  const {cert, key} = await ca.client({names: [uri('spiffe://example.org/controller')]});
  const pem = [ca.pem, key, cert].map(text => Buffer.from(text));
  const address = (listeners[1] ?? '').replace('tls:127.0.0.1', 'localhost');
  const client = new TunnelServiceClient(address, credentials.createSsl(...pem));
  const controller = controllerOf(client);
  await controller.provision(specs.ibrl);

  const watching = client.watchTunnels({resumeToken: '', names: []});
  const ended = endOf(watching);
  await new Promise(resolve => watching.once('data', resolve));
  await writeFile(`${policy}.new`, policyText('viewer').replace('spiffe://example.org/controller', 'cn:other'));
  await rename(`${policy}.new`, policy);
  daemon.child.kill('SIGHUP');
  t.is((await ended).code, status.PERMISSION_DENIED);
  const refusal = await t.throwsAsync<Refusal>(controller.remove('doublezero0'));
  t.like(refusal.metadata, {identity: 'spiffe://example.org/controller', method: 'RemoveTunnel', role: 'operator'});
  client.close();

  const records = (await readFile(audit, 'utf8')).trim().split('\n');
  t.deepEqual(
    records.map(line => JSON.parse(line)).map(({identity, method, outcome}) => [identity, method, outcome]),
    [
      ['spiffe://example.org/controller', 'ProvisionTunnel', 'OK'],
      ['spiffe://example.org/controller', 'WatchTunnels', 'PERMISSION_DENIED'],
      ['spiffe://example.org/controller', 'RemoveTunnel', 'PERMISSION_DENIED'],
    ],
  );
});

test('on SIGHUP the audit log goes on in a new file', async t => {
  await using folder = await accessFolder();
  const {audit} = folder;
  await using daemon = await DaemonProcess.start(folder.socket, '--audit-log', audit);
  await daemon.controller.provision(specs.ibrl);
  await rename(audit, `${audit}.1`);
  daemon.child.kill('SIGHUP');
  await daemon.line('audit.reopened');
  await daemon.controller.remove('doublezero0');
  const methods = async (file: string) =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).method);
  t.deepEqual(await methods(`${audit}.1`), ['ProvisionTunnel']);
  t.deepEqual(await methods(audit), ['RemoveTunnel']);
});

test('a SIGHUP while the daemon starts does not end it, and is heeded', async t => {
  await using folder = await accessFolder();
  const flags = ['--netlink=memory', '--socket', folder.socket, '--policy', folder.policy];
  const daemon = spawn(process.execPath, [main, ...flags], {stdio: ['ignore', 'pipe', 'inherit']});
  const ended = once(daemon, 'close');
  const signals: Readonly<Record<string, NodeJS.Signals>> = {
    'policy.loaded': 'SIGHUP', // it is not ready by then
    'policy.reloaded': 'SIGTERM',
  };
  const events: string[] = [];
  for await (const line of createInterface(daemon.stdout)) {
    const {message} = JSON.parse(line);
    events.push(message);
    const signal = signals[message];
    if (signal && events.lastIndexOf(message) === events.indexOf(message)) daemon.kill(signal);
  }
  t.deepEqual(await ended, [0, null]);
  t.is(events.at(-1), 'daemon.stopped');
});

const [member, stranger] = [65_533, 65_532];
const asUser = async (uid: number, gid: number, socket: string) => {
  const program = fileURLToPath(new URL('as-user.js', import.meta.url));
  const {stdout} = await execute(process.execPath, [program, String(uid), String(gid), socket]);
  return stdout.trim().split('\n');
};

const isRoot = process.getuid?.() === 0;
(isRoot || process.env.CI === 'true' ? test : test.skip)(
  'who belongs to the socket’s group may look, root may do everything, others nothing (as root only, who can become others)',
  async t => {
    await using folder = await socketFolder();
    await chmod(folder.path, 0o755);
    await using daemon = await DaemonProcess.start(folder.socket);
    await chown(folder.socket, 0, member);
    t.deepEqual(await asUser(member, member, folder.socket), ['OK', 'PERMISSION_DENIED']);
    t.deepEqual(await asUser(stranger, stranger, folder.socket), ['UNAVAILABLE', 'UNAVAILABLE']); // by the file's mode
    await chmod(folder.socket, 0o666);
    t.deepEqual(await asUser(stranger, stranger, folder.socket), ['PERMISSION_DENIED', 'PERMISSION_DENIED']);
    t.deepEqual(await asUser(0, 0, folder.socket), ['OK', 'OK']);
    t.deepEqual(await daemon.controller.list(), []);
  },
);
