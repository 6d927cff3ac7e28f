import {once} from 'node:events';
import {join} from 'node:path';
import {type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import fc from 'fast-check';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {answer, serve, temporaryFolder} from './plumbing.js';
import {endHeaders, endStream, frame, frameType, message, preface, rawConnect, requestHeaders} from './raw-http2.js';

const {headers, data, rstStream, settings, ping, goaway, continuation} = frameType;
const name = 'doublezero0';
const hello = Buffer.concat([preface, frame(settings, 0, 0)]);
const request = (changes: Record<string, string>, body = message(Buffer.alloc(0))) =>
  Buffer.concat([
    hello,
    frame(headers, endHeaders, 1, requestHeaders(changes)),
    frame(data, endStream, 1, body),
    frame(ping, 0, 0, Buffer.alloc(8)),
  ]);
const cancelled = Buffer.of(0, 0, 0, 8);
const invalid = frame(data, 0, 0, Buffer.alloc(1)); // the connection has no data of its own

const attacks: Record<string, Buffer> = {
  'garbage bytes': Buffer.from('\x00\xff\x13garbage\r\n\r\n'.repeat(100), 'latin1'),
  'an HTTP/1.1 request': Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  'a TLS client hello': Buffer.from('16030100a5010000a10303', 'hex'),
  'garbage after the preface': Buffer.concat([preface, Buffer.alloc(4096, 0xff)]),
  'a frame longer than allowed': Buffer.concat([hello, frame(data, 0, 1, Buffer.alloc(20_000))]),
  'data on a stream that was never opened': Buffer.concat([hello, frame(data, 0, 7, Buffer.alloc(10))]),
  'headers that are no header block': Buffer.concat([hello, frame(headers, endHeaders, 1, Buffer.alloc(20, 0xff))]),
  'a continuation of nothing': Buffer.concat([hello, frame(continuation, endHeaders, 1, requestHeaders())]),
  'headers without an end, then another frame': Buffer.concat([
    hello,
    frame(headers, 0, 1, requestHeaders()),
    frame(ping, 0, 0, Buffer.alloc(8)),
  ]),
  'a goodbye at once': Buffer.concat([hello, frame(goaway, 0, 0, Buffer.alloc(8))]),
  'an unknown method': request({':path': '/doublezero.tunnel.v1.TunnelService/NoSuch'}),
  'an unknown method whose name no header can hold': request({':path': '/\xff\xe9\x80/%00'}),
  'a path without a method': request({':path': '/'}),
  'another content type': request({'content-type': 'text/plain'}),
  'a timeout that is none': request({'grpc-timeout': 'soon'}),
  'a timeout beyond all numbers': request({'grpc-timeout': '99999999H'}),
  'binary metadata that is no base64': request({'x-bin': '\xff\xfe'}),
  'metadata that is not ASCII': request({'x-text': '\xff\x80'}),
  'metadata with a forbidden name': request({'x-(bad)': '1'}),
  'an unknown compression': request({'grpc-encoding': 'brrr'}, message(Buffer.of(1, 2, 3), {compressed: true})),
  'a message that is not what its compression says': request(
    {'grpc-encoding': 'gzip'},
    message(Buffer.of(1, 2, 3), {compressed: true}),
  ),
  'a message that is no protobuf': request({}, message(Buffer.alloc(64, 0xff))),
  'a message that says it is 4 GiB long': request({}, message(Buffer.alloc(1), {length: 0xffff_ffff})),
  'half a message': request({}, message(Buffer.alloc(3), {length: 100})),
  'two messages where one belongs': request({}, Buffer.concat([message(Buffer.alloc(0)), message(Buffer.alloc(0))])),
  'another content type with an invalid frame behind it in the same packet': Buffer.concat([
    hello,
    frame(headers, endHeaders, 1, requestHeaders({'content-type': 'text/plain'})),
    invalid,
  ]),
  'no message at all': request({}, Buffer.alloc(0)),
};
for (const path of ['GetTunnel', 'NoSuch', 'WatchTunnels']) {
  attacks[`${path} with an invalid frame behind it in the same packet`] = Buffer.concat([
    hello,
    frame(headers, endHeaders, 1, requestHeaders({':path': `/doublezero.tunnel.v1.TunnelService/${path}`})),
    invalid,
  ]);
  attacks[`${path} that is cancelled in the same packet`] = Buffer.concat([
    hello,
    frame(headers, endHeaders, 1, requestHeaders({':path': `/doublezero.tunnel.v1.TunnelService/${path}`})),
    frame(rstStream, 0, 1, cancelled),
  ]);
}

/** A server that listens on both kinds of sockets. */
async function serveBoth() {
  const folder = await temporaryFolder();
  const texts = [join(folder.path, 'd.sock'), '127.0.0.1:0'];
  const world = await serve(
    {getTunnel: {handle: () => Tunnel.create({name})}},
    {addresses: texts.map(text => parseListenAddress(text))},
  );
  return {
    ...world,
    /** A new connection to each listener gets an answer. */
    isAlive: () =>
      Promise.all(
        world.server.addresses.map(address => answer(done => world.connect(address).getTunnel({name}, done))),
      ),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (const [what, bytes] of Object.entries(attacks)) {
  test(`the server outlives ${what}`, async t => {
    await using world = await serveBoth();
    for (const address of world.server.addresses) {
      const patient = await rawConnect(address);
      patient.write(bytes);
      await once(patient, 'data'); // its settings, an answer, or a goodbye: the server has seen what was sent
      patient.destroy();
      const hasty = await rawConnect(address);
      hasty.write(bytes);
      if (address.startsWith('unix:')) hasty.destroy();
      else hasty.resetAndDestroy();
    }
    await t.notThrowsAsync(world.isAlive());
  });
}

test('the server outlives frames of any kind in any order', async t => {
  const anyFrame = fc
    .record({
      type: fc.integer({min: 0, max: 10}),
      flags: fc.integer({min: 0, max: 255}),
      stream: fc.integer({min: 0, max: 5}),
      payload: fc.oneof(
        fc.uint8Array({maxLength: 64}),
        fc.constantFrom(requestHeaders(), message(Buffer.alloc(0)), Buffer.alloc(4), Buffer.alloc(8), Buffer.alloc(0)),
      ),
    })
    .map(({type, flags, stream, payload}) => frame(type, flags, stream, payload));
  await using world = await serveBoth();
  const [, address = ''] = world.server.addresses;
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, {minLength: 1, maxLength: 12}), async frames => {
      const socket = await rawConnect(address);
      socket.write(Buffer.concat([hello, ...frames]));
      await once(socket, 'data');
      socket.destroy();
    }),
    {numRuns: 200},
  );
  await t.notThrowsAsync(world.isAlive());
});

test('a request of more than 1 MiB is refused, and the connection lives on', async t => {
  await using world = await serveBoth();
  const error = await t.throwsAsync<ServiceError>(
    answer(done => world.client.getTunnel({name: 'x'.repeat(1024 * 1024)}, done)),
  );
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  t.like(await answer<Tunnel>(done => world.client.getTunnel({name}, done)), {name});
});

test('a request of nearly 1 MiB is served', async t => {
  await using world = await serveBoth();
  await t.notThrowsAsync(answer(done => world.client.getTunnel({name: 'x'.repeat(1024 * 1024 - 100)}, done)));
});

test('an unknown method is UNIMPLEMENTED', async t => {
  await using world = await serveBoth();
  const unknown = answer(done =>
    world.client.makeUnaryRequest('/doublezero.tunnel.v1.TunnelService/NoSuch', Buffer.from, Buffer.from, '', done),
  );
  t.is((await t.throwsAsync<ServiceError>(unknown)).code, status.UNIMPLEMENTED);
});

test('a hundred connections that say nothing keep nobody out', async t => {
  await using world = await serveBoth();
  const sockets = await Promise.all(Array.from({length: 100}, () => rawConnect(world.server.addresses[1] ?? '')));
  await t.notThrowsAsync(world.isAlive());
  for (const socket of sockets) socket.destroy();
});

test('more streams than allowed on one connection wait their turn', async t => {
  await using world = await serveBoth();
  const calls = Array.from({length: 500}, () => answer(done => world.client.getTunnel({name}, done)));
  await t.notThrowsAsync(Promise.all(calls));
});
