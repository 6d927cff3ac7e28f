// The program as users start it, with TLS.
import {once} from 'node:events';
import {chmod, rename, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {connect} from 'node:tls';
import {credentials} from '@grpc/grpc-js';
import test from 'ava';
import type {TlsFiles} from '../../src/config/tls-files.js';
import {type TunnelEvent, TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {fromNow, TestCa, writeTlsFiles} from '../certificates.js';
import {controllerOf, specs} from './controller.js';
import {DaemonProcess, runToEnd, socketFolder} from './daemon-process.js';

const operator = 'spiffe://example.org/operator';
const policy = `bindings:\n  - role: operator\n    identities: [${operator}]\n`;

/** Files as they should be, and the flags that name them. */
async function tlsFolder(ca: TestCa) {
  const folder = await socketFolder();
  const files = await writeTlsFiles(folder.path, await ca.server(), ca.pem);
  const policyFile = join(folder.path, 'policy.yaml');
  await writeFile(policyFile, policy, {mode: 0o600});
  return {
    ...folder,
    files,
    policyFlags: ['--policy', policyFile],
    tlsFlags: ['--tls-cert', files.cert, '--tls-key', files.key, '--tls-client-ca', files.clientCa],
  };
}

test('certificates on disk are swapped under a controller that watches, and it goes on undisturbed', async t => {
  const ca = await TestCa.create();
  await using folder = await tlsFolder(ca);
  const listen = ['--listen', 'tls:127.0.0.1:0', '--listen', '127.0.0.1:0'];
  await using daemon = await DaemonProcess.start(folder.socket, ...listen, ...folder.tlsFlags, ...folder.policyFlags);
  const {listeners} = await daemon.line('daemon.ready');
  const [, secure = '', plain = ''] = listeners as string[];
  t.regex(secure, /^tls:127\.0\.0\.1:\d+$/);
  t.regex(plain, /^127\.0\.0\.1:\d+$/);

  const {cert, key} = await ca.svid(operator);
  const pems = [ca.pem, key, cert].map(text => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  const client = new TunnelServiceClient(secure.replace('tls:', ''), credentials.createSsl(...pems), {
    'grpc.ssl_target_name_override': 'localhost',
  });
  const controller = controllerOf(client);
  t.deepEqual((await controller.info()).listeners, [`unix:${folder.socket}`, secure, plain]);
  const events = client.watchTunnels({resumeToken: '', names: []})[Symbol.asyncIterator]();
  const next = async () => ((await events.next()) as IteratorYieldResult<TunnelEvent>).value.type;
  t.is(await next(), TunnelEventType.TUNNEL_EVENT_TYPE_SNAPSHOT_END);

  const shown = async () => {
    const port = Number(secure.split(':').at(-1));
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: ca.pem,
      servername: 'localhost',
      cert,
      key,
      ALPNProtocols: ['h2'],
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const {serialNumber} = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const before = await shown();
  const renewed = await ca.server();
  for (const [path, text] of [
    [folder.files.cert, renewed.cert],
    [folder.files.key, renewed.key],
  ] as const) {
    await writeFile(`${path}.new`, text, {mode: 0o600});
    await rename(`${path}.new`, path);
  }
  await daemon.line('tls.reloaded');
  t.not(await shown(), before);
  await controller.provision(specs.ibrl);
  t.is(await next(), TunnelEventType.TUNNEL_EVENT_TYPE_CREATED);
  client.close();
  t.is((await daemon.stop()).code, 0);
});

type Change = (files: TlsFiles, ca: TestCa) => Promise<unknown>;
const wrong: [what: string, message: RegExp, change: Change][] = [
  ['a key that is not there', /^doublezerod: --tls-key: \/.*\/tls\.key does not exist\n$/, ({key}) => rm(key)],
  [
    'the key of another certificate',
    /^doublezerod: --tls-key: \/.*\/tls\.key is not the key of the certificate in --tls-cert \/.*\/tls\.crt\n$/,
    async ({key}, ca) => writeFile(key, (await ca.server()).key),
  ],
  [
    'an expired certificate',
    /^doublezerod: --tls-cert: \/.*\/tls\.crt has a certificate that expired at [0-9TZ:.-]+\n$/,
    async ({cert, key}, ca) => {
      const issued = await ca.server({notAfter: fromNow(-1000)});
      await writeFile(cert, issued.cert);
      await writeFile(key, issued.key);
    },
  ],
  [
    'a key that everyone may read',
    /^doublezerod: --tls-key: \/.*\/tls\.key is open to everyone \(mode 0644\)/,
    ({key}) => chmod(key, 0o644),
  ],
  [
    'a CA that is none',
    /^doublezerod: --tls-client-ca: \/.*\/ca\.crt has the certificate "CN=doublezerod" in it, which is not a CA's/,
    async ({clientCa}, ca) => writeFile(clientCa, (await ca.server()).cert),
  ],
];
for (const [what, message, change] of wrong) {
  test(`${what} is refused at the start with exit code 2, flag and file named`, async t => {
    const ca = await TestCa.create();
    await using folder = await tlsFolder(ca);
    await change(folder.files, ca);
    const flags = ['--netlink', 'memory', '--socket', folder.socket, '--listen', 'tls:127.0.0.1:0'];
    const {code, stderr} = await runToEnd([...flags, ...folder.tlsFlags, ...folder.policyFlags]);
    t.regex(stderr, message);
    t.is(code, 2);
  });
}

test('flags of TLS without a listener that has it are refused with exit code 2, and so is the reverse', async t => {
  const ca = await TestCa.create();
  await using folder = await tlsFolder(ca);
  const flags = ['--netlink', 'memory', '--socket', folder.socket, ...folder.policyFlags];
  const unused = await runToEnd([...flags, '--listen', '127.0.0.1:0', ...folder.tlsFlags]);
  t.regex(unused.stderr, /^doublezerod: --tls-cert, --tls-key and --tls-client-ca: no listener has TLS/);
  t.is(unused.code, 2);
  const bare = await runToEnd([...flags, '--listen', '192.0.2.1:7300']);
  t.regex(bare.stderr, /^doublezerod: --listen: "tls:192\.0\.2\.1:7300" needs TLS: --tls-cert, --tls-key and --tls-cl/);
  t.is(bare.code, 2);
});
