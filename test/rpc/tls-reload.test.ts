import {X509Certificate} from 'node:crypto';
import {once} from 'node:events';
import {chmod, mkdir, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {TLSSocket} from 'node:tls';
import test from 'ava';
import type {TlsFiles} from '../../src/config/tls-files.js';
import {TlsFileSource} from '../../src/rpc/tls-file-source.js';
import {Metrics} from '../../src/telemetry/metrics.js';
import {day, fromNow, type Issued, TestCa, writeTlsFiles} from '../certificates.js';
import {recordingLog} from '../recording-log.js';
import {temporaryFolder} from '../temporary-folder.js';
import {type EchoClient, serveTls} from './tls-world.js';

/** The watch looks when it is told to. */
const period = 3_600_000;

/** A server whose credentials come from files. */
async function serveFiles(options: {files?: TlsFiles; minVersion?: '1.2' | '1.3'; ca?: TestCa; now?: () => Date} = {}) {
  const folder = await temporaryFolder();
  const ca = options.ca ?? (await TestCa.create());
  const {minVersion = '1.3', now = () => new Date()} = options;
  const files = options.files ?? {...(await writeTlsFiles(folder.path, await ca.server(), ca.pem)), minVersion};
  const {lines, log} = recordingLog();
  const metrics = new Metrics();
  const source = TlsFileSource.open(files, {log, metrics, period, now});
  const world = await serveTls({ca, tls: source});
  return {
    ...world,
    files,
    folder: folder.path,
    source,
    lines,
    said: (message: string) => lines.filter(line => line.message === message),
    async metric(name: 'tlsStale' | 'tlsReloads', labels: Record<string, string> = {}) {
      const {values} = await metrics[name].get();
      return values.find(value => Object.entries(labels).every(([key, text]) => value.labels[key] === text))?.value;
    },
    /** Serial number of the certificate that a new connection is shown. */
    async shown(client: Partial<Issued>, at: {readonly ca: TestCa} = {ca}) {
      const socket = world.connect(client, {ca: at.ca.pem});
      await once(socket, 'secureConnect');
      return socket.getPeerCertificate().serialNumber;
    },
    async [Symbol.asyncDispose]() {
      source[Symbol.dispose]();
      await world[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const serial = ({cert}: Issued): string => new X509Certificate(cert).serialNumber;

async function replace(path: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(`${path}.new`, text, {mode});
  await rename(`${path}.new`, path);
}

/** A stream that is open, and is asked for an echo now and then. */
async function openStream(client: EchoClient) {
  const stream = client.stream();
  const echo = async (text: string) => {
    stream.write(Buffer.from(text));
    const [answer] = (await once(stream, 'data')) as [Buffer];
    return String(answer);
  };
  await echo('first');
  return {echo, stream};
}

test('a new pair is shown from the next handshake on, and what is open goes on', async t => {
  await using world = await serveFiles();
  const client = await world.ca.client({subject: 'CN=controller'});
  const {echo} = await openStream(world.client(client));
  const before = await world.shown(client);
  const renewed = await world.ca.server();
  await replace(world.files.cert, renewed.cert);
  await replace(world.files.key, renewed.key);
  await world.source.check();
  t.is(await world.shown(client), serial(renewed));
  t.not(before, serial(renewed));
  t.is(await echo('still here'), 'still here');
  t.deepEqual(world.failures, []);
  t.is(await world.metric('tlsReloads', {outcome: 'ok'}), 1);
  t.like(world.said('tls.reloaded')[0], {level: 'info', changed: true});
});

test("a flip of a Kubernetes secret's link is a new pair, and what is open goes on", async t => {
  const ca = await TestCa.create();
  await using volume = await temporaryFolder();
  const [first, second] = [await ca.server(), await ca.server()];
  for (const [name, issued] of Object.entries({'..1': first, '..2': second})) {
    await mkdir(join(volume.path, name));
    await writeTlsFiles(join(volume.path, name), issued, ca.pem);
  }
  const data = join(volume.path, '..data');
  await symlink('..1', data);
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) await symlink(join('..data', name), join(volume.path, name));
  const at = (name: string) => join(volume.path, name);
  const files = {cert: at('tls.crt'), key: at('tls.key'), clientCa: at('ca.crt'), minVersion: '1.3'} as const;
  await using world = await serveFiles({ca, files});
  const client = await ca.client({subject: 'CN=controller'});
  const {echo} = await openStream(world.client(client));
  t.is(await world.shown(client), serial(first));
  await symlink('..2', `${data}_tmp`);
  await rename(`${data}_tmp`, data);
  await rm(at('..1'), {recursive: true});
  await world.source.check();
  t.is(await world.shown(client), serial(second));
  t.is(await echo('still here'), 'still here');
  t.deepEqual(world.said('tls.rejected'), []);
});

test('a certificate whose key comes later is used when the key has come, and reported until then', async t => {
  await using world = await serveFiles();
  const client = await world.ca.client({subject: 'CN=controller'});
  const before = await world.shown(client);
  const renewed = await world.ca.server();
  await replace(world.files.cert, renewed.cert);
  await world.source.check();
  t.is(await world.shown(client), before);
  t.is(await world.metric('tlsStale'), 1);
  t.is(await world.metric('tlsReloads', {outcome: 'error'}), 1);
  const [rejection] = world.said('tls.rejected');
  t.like(rejection, {level: 'error', flag: '--tls-key', file: world.files.key});
  t.regex(String(rejection?.problem), /is not the key of the certificate/);
  await replace(world.files.key, renewed.key);
  await world.source.check();
  t.is(await world.shown(client), serial(renewed));
  t.is(await world.metric('tlsStale'), 0);
});

const spoiled: [what: string, flag: string, spoil: (files: TlsFiles, ca: TestCa) => Promise<unknown>][] = [
  ['a certificate that is gone', '--tls-cert', ({cert}) => rm(cert)],
  ['a key that everyone may read', '--tls-key', ({key}) => chmod(key, 0o644)],
  ['a bundle that is half written', '--tls-client-ca', ({clientCa}, ca) => writeFile(clientCa, ca.pem.slice(0, 200))],
  ['a bundle of no CAs', '--tls-client-ca', async ({clientCa}, ca) => writeFile(clientCa, (await ca.server()).cert)],
];
for (const [what, flag, spoil] of spoiled) {
  test(`with ${what} the former files stay in use, which is logged and shown`, async t => {
    await using world = await serveFiles();
    const client = await world.ca.client({subject: 'CN=controller'});
    const before = await world.shown(client);
    await spoil(world.files, world.ca);
    await world.source.check();
    t.is(await world.shown(client), before);
    t.is(await world.metric('tlsStale'), 1);
    t.like(world.said('tls.rejected')[0], {level: 'error', flag});
    await writeTlsFiles(world.folder, await world.ca.server(), world.ca.pem);
    await world.source.check();
    t.not(await world.shown(client), before);
    t.is(await world.metric('tlsStale'), 0);
  });
}

test('a certificate that was not valid yet is used when it is, though its file stays as it is', async t => {
  let now = new Date();
  await using world = await serveFiles({now: () => now});
  const client = await world.ca.client({subject: 'CN=controller'});
  const early = await world.ca.server({notBefore: fromNow(-1000)});
  now = new Date(Date.now() - day / 2); // the host's clock is behind that of the CA
  await writeTlsFiles(world.folder, early, world.ca.pem);
  await world.source.check();
  t.regex(String(world.said('tls.rejected')[0]?.problem), /is not valid before/);
  world.source.look();
  t.is(await world.metric('tlsStale'), 1);
  t.is(world.said('tls.rejected').length, 1);
  now = new Date();
  world.source.look();
  t.is(await world.metric('tlsStale'), 0);
  t.is(await world.shown(client), serial(early));
});

test('files that are read again and are the same change nothing', async t => {
  await using world = await serveFiles();
  let changes = 0;
  world.source.onChange(() => {
    changes += 1;
  });
  await world.source.reload();
  t.is(changes, 0);
  t.like(world.said('tls.reloaded')[0], {changed: false});
  t.is(await world.metric('tlsReloads', {outcome: 'ok'}), 1);
});

test('files that cannot be used at the start are an error, and nothing is watched', async t => {
  await using world = await serveFiles();
  await rm(world.files.cert);
  const open = () => TlsFileSource.open(world.files, {log: recordingLog().log, metrics: new Metrics()});
  t.throws(open, {name: 'TlsError', message: /^--tls-cert: .* does not exist$/});
});

/** The session that the server offers, if it does, and the end of the connection. */
async function sessionOf(socket: TLSSocket): Promise<Buffer[]> {
  const sessions: Buffer[] = [];
  socket.on('session', session => sessions.push(session));
  await once(socket, 'secureConnect');
  return sessions;
}

for (const version of ['1.2', '1.3'] as const) {
  test(`no session of TLS ${version} lets a client back in whose CA is not trusted any more`, async t => {
    const [ca, removed] = [await TestCa.create(), await TestCa.create('removed')];
    await using world = await serveFiles({ca, minVersion: version});
    await replace(world.files.clientCa, ca.pem + removed.pem);
    await world.source.check();
    const options = {minVersion: `TLSv${version}`, maxVersion: `TLSv${version}`} as const;
    const client = await removed.client({subject: 'CN=former'});
    const first = world.connect(client, options);
    const sessions = await sessionOf(first);
    const {echo} = await openStream(world.client(client));
    // TLS 1.3 offers sessions after the handshake: they are there when the first frame of HTTP/2 is.
    first.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await once(first, 'data');
    const session = sessions.at(-1) ?? first.getSession();
    t.truthy(session);
    const again = world.connect(client, {...options, session});
    await once(again, 'secureConnect');
    t.false(again.isSessionReused());

    await replace(world.files.clientCa, ca.pem);
    await world.source.check();
    const before = world.accepted.length;
    world.connect(client, {...options, session});
    t.is((await world.failure()).reason, 'certificate');
    t.is(world.accepted.length, before);
    t.is(await echo('was here before'), 'was here before');
  });
}
