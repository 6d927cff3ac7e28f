import {once} from 'node:events';
import {type ClientHttp2Session, connect} from 'node:http2';
import {createServer} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {Server, ServerCredentials, type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {http2ServersOf} from '../../src/rpc/http2-servers.js';
import {SessionGuard} from '../../src/rpc/session-guard.js';
import {Metrics} from '../../src/telemetry/metrics.js';
import {defaultLimits} from './access.js';
import {answer, recordingLog, serve} from './plumbing.js';
import {
  endHeaders,
  endStream,
  frame,
  frameType,
  message,
  preface,
  rawConnect,
  received,
  requestHeaders,
} from './raw-http2.js';

const {headers, data, rstStream, settings, ping} = frameType;
const hello = Buffer.concat([preface, frame(settings, 0, 0), frame(settings, 1, 0)]);
const open = (stream: number): Buffer => frame(headers, endHeaders, stream, requestHeaders());
const request = (stream: number, method: string, body = Buffer.alloc(0)): Buffer =>
  Buffer.concat([
    frame(headers, endHeaders, stream, requestHeaders({':path': `/doublezero.tunnel.v1.TunnelService/${method}`})),
    frame(data, endStream, stream, message(body)),
  ]);
const many = (count: number, make: (stream: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({length: count}, (_, index) => make(2 * index + 1)));

async function openWorld(limits: Partial<ReturnType<typeof defaultLimits>> = {}) {
  const metrics = new Metrics();
  const name = 'doublezero0';
  const world = await serve(
    {
      getTunnel: {handle: () => Tunnel.create({name})},
      listTunnels: {handle: () => ({tunnels: [Tunnel.create({name: 'x'.repeat(1e6)})]})},
    },
    {limits: {...defaultLimits(), ...limits}, metrics},
  );
  return {
    ...world,
    address: world.server.addresses[0] ?? '',
    async limited(limit: string) {
      const {values} = await metrics.limited.get();
      return values.find(({labels}) => labels.limit === limit)?.value;
    },
    /** Resolves when the limit has been met: a client may see its connection end before the server does. */
    async met(limit: string) {
      while (!(await this.limited(limit))) await delay(10);
    },
    async sessionErrors() {
      return (await metrics.sessionErrors.get()).values[0]?.value;
    },
  };
}

/** Not `once` of node:events, which takes a reset for a failure. */
const closed = (socket: {closed: boolean} & NodeJS.EventEmitter): Promise<unknown> =>
  socket.closed ? Promise.resolve() : new Promise(resolve => socket.once('close', resolve));

test('a client that never acknowledges the server’s limits is cut off when the handshake is due', async t => {
  await using world = await openWorld({handshake: 1000});
  const socket = await rawConnect(world.address);
  socket.resume().write(Buffer.concat([preface, frame(settings, 0, 0)]));
  await closed(socket);
  t.is(await world.limited('handshake-timeout'), 1);
});

test('a connection without calls is closed when it has been idle for long enough', async t => {
  await using world = await openWorld({idle: 1000});
  const session: ClientHttp2Session = connect(`http://${world.address}`);
  await closed(session);
  await world.met('idle-timeout');
  t.is(await world.limited('idle-timeout'), 1);
});

test('a client that opens more streams than it may is cut off', async t => {
  await using world = await openWorld({streams: 10});
  const socket = await rawConnect(world.address);
  socket.write(hello);
  await received(socket, settings);
  socket.resume().write(many(11, open));
  await closed(socket);
  await world.met('max-streams');
  t.is(await world.limited('max-streams'), 1);
});

test('a request larger than allowed is refused and counted, and the connection lives on', async t => {
  await using world = await openWorld({messageSize: 4096});
  const error = await t.throwsAsync<ServiceError>(
    answer(done => world.client.getTunnel({name: 'x'.repeat(5000)}, done)),
  );
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  await t.notThrowsAsync(answer(done => world.client.getTunnel({name: 'x'.repeat(4000)}, done)));
  t.is(await world.limited('max-message-size'), 1);
});

test('who takes back calls without end is cut off, and kept out for a while', async t => {
  await using world = await openWorld();
  const socket = await rawConnect(world.address);
  const end = closed(socket);
  socket.write(hello);
  const takenBack = (stream: number) =>
    Buffer.concat([open(stream), frame(rstStream, 0, stream, Buffer.of(0, 0, 0, 8))]);
  // One after the other: newer releases of Node.js count calls just taken back among those that run.
  for (let stream = 1; !socket.destroyed; stream += 2) {
    socket.write(Buffer.concat([takenBack(stream), frame(ping, 0, 0, Buffer.alloc(8))]));
    await Promise.race([received(socket, ping).catch(() => {}), end]);
  }
  await world.met('flood');
  const again = await rawConnect(world.address);
  again.resume().write(hello);
  await closed(again);
  t.pass();
});

test('who takes back all its calls at once is not', async t => {
  await using world = await openWorld();
  const calls = Array.from({length: 128}, () => {
    const call = world.client.getTunnel({name: ''}, () => {});
    return call;
  });
  for (const call of calls) call.cancel();
  await t.notThrowsAsync(answer(done => world.client.getTunnel({name: ''}, done)));
  t.is(await world.limited('flood'), 0);
});

test('answers that nobody takes are held up to a bound, and then all connections of who asked for them are ended', async t => {
  await using world = await openWorld();
  const noWindow = frame(settings, 0, 0, Buffer.of(0, 4, 0, 0, 0, 0));
  const requests = many(20, stream => request(stream, 'ListTunnels')); // their answers have a megabyte each
  const sockets = await Promise.all(Array.from({length: 10}, () => rawConnect(world.address)));
  for (const socket of sockets) {
    socket.resume().write(Buffer.concat([preface, noWindow, frame(settings, 1, 0), requests]));
  }
  await Promise.all(sockets.map(closed));
  t.true(((await world.limited('memory')) ?? 0) > 0);
});

test('requests that are sent without end are held up to a bound, and then their connection is ended', async t => {
  await using world = await openWorld();
  const session = connect(`http://${world.address}`);
  session.on('error', () => {});
  const part = Buffer.alloc(900_000);
  part.writeUInt32BE(1_000_000, 1);
  for (let stream = 0; stream < 100; stream++) {
    const call = session.request({
      ':method': 'POST',
      ':path': '/doublezero.tunnel.v1.TunnelService/GetTunnel',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => {});
    call.write(part);
  }
  await closed(session);
  const reasons = [await world.limited('memory'), await world.limited('flood')];
  t.true(reasons.includes(1), `${reasons}`);
});

test('who sends frames that mean nothing without end is cut off', async t => {
  await using world = await openWorld();
  const socket = await rawConnect(world.address);
  const end = closed(socket);
  socket.resume().write(hello);
  const meaningless = Buffer.concat(Array.from({length: 5000}, () => frame(77, 0, 0)));
  while (!socket.destroyed) {
    if (!socket.write(meaningless)) await Promise.race([end, new Promise(resolve => socket.once('drain', resolve))]);
  }
  // Newer releases of nghttp2 see to this themselves.
  while (!(await world.limited('flood')) && !(await world.sessionErrors())) await delay(10);
  t.pass();
});

test('who sends large header lists one after the other is cut off', async t => {
  await using world = await openWorld();
  const session = connect(`http://${world.address}`);
  session.on('error', () => {});
  const large = Object.fromEntries(Array.from({length: 100}, (_, index) => [`x-${index}`, 'y'.repeat(300)]));
  while (!session.destroyed) {
    const request = {':method': 'POST', ':path': '/none', 'content-type': 'application/grpc', ...large};
    const call = session.request(request, {endStream: true});
    call.on('error', () => {}).resume();
    await closed(call);
  }
  t.true(((await world.limited('flood')) ?? 0) > 0);
});

for (const [what, body] of [
  ['a request that never ends', frame(data, 0, 1, Buffer.of(0, 0))],
  ['an answer that is never taken', frame(data, endStream, 1, message(Buffer.alloc(0)))],
] as const) {
  test(`${what} is given up in the end`, async t => {
    const metrics = new Metrics();
    const server = new Server();
    server.addService(
      {
        GetTunnel: {
          path: '/doublezero.tunnel.v1.TunnelService/GetTunnel',
          requestStream: false,
          responseStream: false,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        GetTunnel: (_call: unknown, respond: (error: null, answer: Buffer) => void) =>
          respond(null, Buffer.alloc(1000)),
      },
    );
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const {log} = recordingLog();
    const options = {limits: defaultLimits(), metrics, log, partyOf: () => 'a', onAbuse: () => t.fail()};
    using _guard = new SessionGuard(server, {...options, stallMs: 500});
    const listener = createServer(socket => injector.injectConnection(socket)).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    const socket = await rawConnect(`127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const noWindow = frame(settings, 0, 0, Buffer.of(0, 4, 0, 0, 0, 0));
    const reset = received(socket, rstStream);
    socket.write(Buffer.concat([preface, noWindow, frame(settings, 1, 0), open(1), body]));
    await reset;
    const {values} = await metrics.limited.get();
    t.is(values.find(({labels}) => labels.limit === 'stall')?.value, 1);
    socket.destroy();
    listener.close();
    server.forceShutdown();
  });
}

test('a release of grpc-js that keeps its HTTP/2 servers elsewhere is noticed', t => {
  t.throws(() => http2ServersOf({} as Server), {instanceOf: TypeError});
  t.deepEqual(http2ServersOf(new Server()), []);
});
