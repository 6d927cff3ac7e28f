// Hostile clients in processes of their own, against the daemon as users start it, with its default limits. Throughout, an
// operator at the Unix socket gets answers, a BGP session with a hold time of 3 s stays up, memory stays bounded; when it
// is over everything is as before.
import {randomInt} from 'node:crypto';
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {formatIpv4, ipv4} from '../../src/ip/ipv4.js';
import {TestCa, writeTlsFiles} from '../certificates.js';
import {ScriptedPeer} from '../unit/bgp/scripted-peer.js';
import {parseExposition} from '../unit/telemetry/exposition.js';
import {http2Attacks, tlsAttacks} from './attacks.js';
import {specs} from './controller.js';
import {DaemonProcess, socketFolder} from './daemon-process.js';
import {attack, latencies, resources} from './siege.js';

const program = fileURLToPath(new URL('./daemon-with-session.js', import.meta.url));

/** Longer than the hold time. */
const duration = 3500;
/** Bytes: some 100 MB at rest, 64 MiB for calls that wait for their clients, what they cost beside that, and garbage. */
const memoryLimit = 512e6;

/** A port that nobody listens on, for now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** The daemon with a tunnel whose answers are large, listeners of all kinds, and a session to a device. */
async function openWorld(...flags: string[]) {
  const folder = await socketFolder();
  const ca = await TestCa.create();
  const files = await writeTlsFiles(folder.path, await ca.server(), ca.pem);
  const policy = join(folder.path, 'policy.yaml');
  await writeFile(policy, `bindings:\n  - role: operator\n    identities: [anonymous, "uid:${process.getuid?.()}"]\n`);
  const local = ipv4(0x7f000001 + randomInt(1, 0xfffe) * 256);
  const device = await ScriptedPeer.listen(ipv4(local - 1), 0, {localAs: 65_001, holdTime: 3});
  const established = device.call().then(call => call.establish());
  const metricsAddress = `127.0.0.1:${await freePort()}`;
  const environment = [
    `DEVICE_LOCAL=${formatIpv4(local)}`,
    `DEVICE_REMOTE=${formatIpv4(ipv4(local - 1))}`,
    `DEVICE_PORT=${device.port}`,
  ];
  const daemon = await DaemonProcess.startBy(
    ['env', ...environment, process.execPath, program],
    folder.socket,
    ...['--listen=127.0.0.1:0', '--listen=tls:127.0.0.1:0', `--metrics=${metricsAddress}`, `--policy=${policy}`],
    ...[`--tls-cert=${files.cert}`, `--tls-key=${files.key}`, `--tls-client-ca=${files.clientCa}`],
    ...flags,
  );
  const call = await established.catch(async error => {
    await daemon[Symbol.asyncDispose]();
    throw error;
  });
  const {listeners} = await daemon.line('daemon.ready');
  const [, plain = '', tls = ''] = listeners as string[];
  const groups = Array.from({length: 4096}, (_, index) => `233.84.${index >> 8}.${index & 255}`);
  await daemon.controller.provision({...specs.multicast, mcastSubGroups: groups});
  const samples = async (name: string) => {
    const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
    return parseExposition(text).get(`doublezerod_${name}`)?.samples ?? [];
  };
  return {
    daemon,
    plain,
    tls: tls.replace(/^tls:/, ''),
    pid: daemon.child.pid ?? 0,
    /** The one session that there was is still there. */
    isSessionUp: () => device.calls === 1 && !call.socket.closed,
    limited: async (limit: string) =>
      (await samples('limited_total')).find(({labels}) => labels.limit === limit)?.value ?? 0,
    /** Connections to listeners other than the Unix socket. */
    connections: async () =>
      (await samples('connections'))
        .filter(({labels}) => !labels.listener?.startsWith('unix:'))
        .reduce((sum, {value}) => sum + value, 0),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type World = Awaited<ReturnType<typeof openWorld>>;

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(50); // the time limit is AVA's
}

async function withstands(t: ExecutionContext, world: World, address: string, connections: number, name: string) {
  const {daemon, pid} = world;
  const socket = `unix:${daemon.socket}`;
  await latencies(socket, 'doublezero1', 200);
  const before = resources(pid).descriptors;
  let largest = 0;
  const watch = setInterval(() => {
    largest = Math.max(largest, resources(pid).residentMemory);
  }, 20);
  await using attackers = await attack(address, connections, name);
  const answers = await latencies(socket, 'doublezero1', duration);
  const made = await attackers.end();
  clearInterval(watch);
  t.log(
    `${made} connections; ${answers.length} answers to the operator, the slowest after ${Math.max(...answers).toFixed(0)} ms; ${(largest / 1e6).toFixed(0)} MB`,
  );
  t.true(answers.length > 0);
  t.true(world.isSessionUp(), 'the session stayed up');
  t.true(largest < memoryLimit, `${largest} bytes`);
  await eventually(async () => (await world.connections()) === 0);
  await eventually(async () => resources(pid).descriptors <= before);
  t.true(world.isSessionUp(), 'the session is up');
  // Those who share an identity with who has flooded are kept out with it, for a while.
  await t.notThrowsAsync(latencies(world.plain, 'doublezero1', 0));
}

/** One after the other: each takes all of the machine that it can get. */
for (const name of Object.keys(http2Attacks)) {
  test.serial(`the daemon withstands ${name}`, async t => {
    await using world = await openWorld();
    await withstands(t, world, world.plain, 256, name);
  });
}

for (const name of Object.keys(await tlsAttacks())) {
  test.serial(`the daemon withstands ${name}, a thousand times over`, async t => {
    await using world = await openWorld();
    await withstands(t, world, world.tls, 1000, name);
  });
}
