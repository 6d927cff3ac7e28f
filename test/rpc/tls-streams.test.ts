// A TLS connection is handed to grpc-js after its handshake, as if it had come without TLS: streams have to work the same.
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {type handleServerStreamingCall, status} from '@grpc/grpc-js';
import test from 'ava';
import {endOf} from './plumbing.js';
import {serveTls} from './tls-world.js';

const same = (bytes: Buffer) => bytes;
const kilobyte = 1024;

test('messages of megabytes arrive whole, in both directions', async t => {
  await using world = await serveTls();
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  const bytes = randomBytes(3 * kilobyte * kilobyte);
  const [first, second] = await Promise.all([client.once(bytes), client.once(bytes.subarray(1))]);
  t.true(first.equals(bytes));
  t.true(second.equals(bytes.subarray(1)));
});

test('a reader who pauses stops the writer, and gets everything when it goes on', async t => {
  await using world = await serveTls();
  const chunk = randomBytes(64 * kilobyte);
  const chunks = 512;
  let written = 0;
  const flood: handleServerStreamingCall<Buffer, Buffer> = async call => {
    for (; written < chunks; written += 1) if (!call.write(chunk)) await once(call, 'drain');
    call.end();
  };
  const path = '/test.Flood/Flood';
  const definition = {
    path,
    requestStream: false,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
  };
  world.server.addService({flood: {...definition, responseSerialize: same, responseDeserialize: same}}, {flood});
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  const stream = client.makeServerStreamRequest(path, same, same, Buffer.alloc(0));
  const arrived = stream[Symbol.asyncIterator]();
  await arrived.next();
  // Other calls on the same connection go on meanwhile.
  for (let count = 0; count < 100; count += 1) await client.once(Buffer.from('hello'));
  t.true(written < chunks / 2, `${written} of ${chunks} chunks were written to a client that does not read`);
  let octets = chunk.length;
  for (let next = await arrived.next(); !next.done; next = await arrived.next()) octets += next.value.length;
  t.is(octets, chunks * chunk.length);
  t.is(world.accepted.length, 1);
});

test('a client that has said all it had to say still gets its answers', async t => {
  await using world = await serveTls();
  const stream = world.client(await world.ca.client({subject: 'CN=controller'})).stream();
  const ended = once(stream, 'status');
  for (const text of ['a', 'b', 'c']) stream.write(Buffer.from(text));
  stream.end();
  const answers: string[] = [];
  for await (const answer of stream) answers.push(String(answer));
  t.deepEqual(answers, ['a', 'b', 'c']);
  t.like((await ended)[0], {code: status.OK});
});

test('a server that ends says so (GOAWAY), lets streams finish, and closes the connection then', async t => {
  await using world = await serveTls();
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  const stream = client.stream();
  stream.write(Buffer.from('before'));
  await once(stream, 'data');
  const shutDown = new Promise(resolve => world.server.tryShutdown(resolve));
  const [listener] = world.listeners;
  const closed = listener?.close();
  await t.throwsAsync(client.once(Buffer.from('new')), {code: status.UNAVAILABLE as never});
  stream.write(Buffer.from('after'));
  const [answer] = (await once(stream, 'data')) as [Buffer];
  t.is(String(answer), 'after');
  stream.end();
  stream.resume();
  await Promise.all([shutDown, closed]);
});

test('a client that is gone ends the call at the server', async t => {
  await using world = await serveTls();
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  const stream = client.stream();
  stream.write(Buffer.from('before'));
  await once(stream, 'data');
  const [connection] = world.accepted;
  const closed = connection && once(connection.socket, 'close');
  client.close();
  stream.cancel();
  await closed;
  t.pass();
});

test('connections that are destroyed end their calls with UNAVAILABLE, and nothing else of the process', async t => {
  await using world = await serveTls();
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  const stream = client.stream();
  stream.write(Buffer.from('before'));
  await once(stream, 'data');
  const ended = endOf(stream);
  stream.resume();
  for (const listener of world.listeners) listener.destroyConnections();
  t.is((await ended).code, status.UNAVAILABLE);
  t.is(String(await client.once(Buffer.from('again'))), 'again');
});
