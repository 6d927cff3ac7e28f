import {once} from 'node:events';
import {createServer as createHttp2} from 'node:http2';
import {connect, createServer, type Server, type Socket} from 'node:net';
import {createServer as createTlsServer, connect as tlsConnect} from 'node:tls';
import test from 'ava';
import {limitConnections} from '../../src/rpc/connection-limits.js';
import {Metrics} from '../../src/telemetry/metrics.js';
import {TestCa} from '../certificates.js';
import {recordingLog} from './plumbing.js';
import {frame, frameType, preface} from './raw-http2.js';

const hello = Buffer.concat([preface, frame(frameType.settings, 0, 0)]);
const long = 60_000;

/** HTTP/2 behind a server whose connections are limited. */
async function openWorld({max = 2, handshakeMs = long, tls = false} = {}) {
  const http2 = createHttp2().on('session', session => session.on('error', () => {}));
  const accept = (socket: Socket) => {
    if (!socket.destroyed) http2.emit('connection', socket);
  };
  const ca = tls ? await TestCa.create() : undefined;
  const issued = await ca?.server();
  const server: Server = issued ? createTlsServer({...issued, ALPNProtocols: ['h2']}, accept) : createServer(accept);
  server.on('tlsClientError', () => {});
  const metrics = new Metrics();
  const {lines, log} = recordingLog();
  limitConnections(server, {max, handshakeMs, listener: 'here', metrics, log});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  const sockets: Socket[] = [];
  const readingOf = async (metric: 'connections' | 'limited', label: string) =>
    (await metrics[metric].get()).values.find(({labels}) => Object.values(labels).includes(label))?.value;
  return {
    lines,
    /** Connects and says nothing. */
    async silent(): Promise<Socket> {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    /** Connects, and resolves when HTTP/2 is through: both ends know what the other one wants. */
    async speaking(): Promise<Socket> {
      const socket = ca
        ? tlsConnect({port, host: '127.0.0.1', ca: ca.pem, ALPNProtocols: ['h2']})
        : connect(port, '127.0.0.1');
      sockets.push(socket.on('error', () => {}));
      socket.write(hello);
      await once(socket, 'data');
      return socket;
    },
    open: () => readingOf('connections', 'here'),
    limited: (limit: string) => readingOf('limited', limit),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

/** Not `once` of node:events, which takes a reset for a failure. */
const closed = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : new Promise(resolve => socket.resume().once('close', resolve));

/** Resolves when something is so; it has to become so by itself. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 5));
}

for (const tls of [false, true]) {
  const kind = tls ? 'TLS' : 'plain TCP';

  test(`${kind}: no more than so many connections are open, and the newcomer is refused where all have spoken`, async t => {
    await using world = await openWorld({tls});
    const first = await world.speaking();
    const second = await world.speaking();
    await closed(await world.silent());
    t.is(await world.limited('max-connections'), 1);
    t.is(await world.open(), 2);
    t.false(first.closed);
    t.false(second.closed);
  });

  test(`${kind}: the one that has been silent for the longest leaves for a newcomer`, async t => {
    await using world = await openWorld({tls, max: 3});
    const speaking = await world.speaking();
    const silent = [await world.silent(), await world.silent()];
    const newcomer = await world.speaking();
    await closed(silent[0] as Socket);
    t.false(silent[1]?.closed);
    t.false(speaking.closed);
    t.false(newcomer.closed);
    t.is(await world.limited('max-connections'), 1);
    t.is(await world.open(), 3);
  });

  test(`${kind}: who speaks gets in while silent ones hold all places`, async t => {
    await using world = await openWorld({tls, max: 5});
    const crowd = await Promise.all(Array.from({length: 50}, () => world.silent()));
    await t.notThrowsAsync(world.speaking());
    await Promise.all(crowd.slice(0, 46).map(closed));
    t.is(await world.open(), 5);
    t.is(await world.limited('max-connections'), 46);
  });

  test(`${kind}: a connection that stays silent is closed, one that speaks is not`, async t => {
    await using world = await openWorld({tls, handshakeMs: 3000});
    const speaking = await world.speaking();
    const silent = await world.silent();
    await closed(silent);
    t.is(await world.limited('handshake-timeout'), 1);
    await until(async () => (await world.open()) === 1);
    t.false(speaking.closed);
  });

  test(`${kind}: who leaves makes room`, async t => {
    await using world = await openWorld({tls});
    for (let turn = 0; turn < 5; turn++) {
      const sockets = [await world.speaking(), await world.speaking()];
      t.is(await world.open(), 2);
      for (const socket of sockets) socket.destroy();
      await until(async () => (await world.open()) === 0);
    }
    t.is(await world.limited('max-connections'), 0);
  });
}

for (const [what, octets] of Object.entries({
  'half a preface': preface.subarray(0, 12),
  'the preface alone': preface,
  'the preface and half a frame': Buffer.concat([preface, frame(frameType.settings, 0, 0).subarray(0, 8)]),
})) {
  test(`${what} is not enough to stay`, async t => {
    await using world = await openWorld({handshakeMs: 300});
    const socket = await world.silent();
    socket.write(octets);
    await closed(socket);
    t.is(await world.limited('handshake-timeout'), 1);
  });
}

test('TLS without HTTP/2 behind it is not enough to stay', async t => {
  await using world = await openWorld({tls: true, handshakeMs: 3000});
  const socket = await world.silent();
  const inside = tlsConnect({socket, rejectUnauthorized: false, ALPNProtocols: ['h2']}).on('error', () => {});
  await once(inside, 'secureConnect');
  await closed(inside);
  t.is(await world.limited('handshake-timeout'), 1);
});

test('refusals are logged once a second at most, with their number', async t => {
  await using world = await openWorld({max: 1});
  await world.speaking();
  for (let connection = 0; connection < 20; connection++) await closed(await world.silent());
  t.is(await world.limited('max-connections'), 20);
  const lines = world.lines.filter(({message}) => message === 'connection.limited');
  t.true(lines.length >= 1 && lines.length < 20, `${lines.length} lines`);
  t.like(lines[0], {level: 'warn', limit: 'max-connections', listener: 'here', times: 1});
  t.regex(String(lines[0]?.peer), /^127\.0\.0\.1:\d+$/);
});
