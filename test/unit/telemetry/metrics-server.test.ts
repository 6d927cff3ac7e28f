import {once} from 'node:events';
import {createServer, connect as netConnect} from 'node:net';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {ListenError} from '../../../src/rpc/listen-error.js';
import {Metrics} from '../../../src/telemetry/metrics.js';
import {MetricsServer} from '../../../src/telemetry/metrics-server.js';
import {parseExposition} from './exposition.js';

async function openWorld(address = '127.0.0.1:0') {
  const metrics = new Metrics();
  const server = await MetricsServer.listen(address, metrics.registry);
  const [, port] = /:(\d+)$/.exec(server.address) ?? [];
  return {
    metrics,
    server,
    port: Number(port),
    get: (path: string, init?: RequestInit) => fetch(`http://${server.address}${path}`, init),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What the server says to these octets until it ends the connection. */
async function answerTo(port: number, octets: string): Promise<string> {
  const socket = netConnect(port, '127.0.0.1');
  socket.on('error', () => {}); // it may be reset before all is written
  socket.write(octets);
  return text(socket);
}

for (const address of ['127.0.0.1:0', 'localhost:0', '[::1]:0']) {
  test(`metrics can be read on ${address}, those of the process among them`, async t => {
    await using world = await openWorld(address);
    world.metrics.calls.inc({method: 'GetTunnel', code: 'OK'}, 3);
    const response = await world.get('/metrics');
    t.is(response.status, 200);
    t.is(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const families = parseExposition(await response.text());
    t.deepEqual(families.get('doublezerod_calls_total')?.samples, [
      {name: 'doublezerod_calls_total', labels: {method: 'GetTunnel', code: 'OK'}, value: 3},
    ]);
    t.true((families.get('process_resident_memory_bytes')?.samples[0]?.value ?? 0) > 1e6);
    t.true((families.get('process_open_fds')?.samples[0]?.value ?? 0) > 3);
    t.true(families.has('nodejs_eventloop_lag_p99_seconds'));
  });
}

test('a query is no matter', async t => {
  await using world = await openWorld();
  t.is((await world.get('/metrics?name=x')).status, 200);
});

for (const path of ['/', '/metric', '/metrics/', '/metrics/x', '//metrics', '/Metrics']) {
  test(`there is nothing at ${path}`, async t => {
    await using world = await openWorld();
    t.is((await world.get(path)).status, 404);
    t.is((await world.get(path, {method: 'POST', body: 'x'})).status, 404);
  });
}

for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
  test(`${method} is not allowed`, async t => {
    await using world = await openWorld();
    const response = await world.get('/metrics', {method});
    t.is(response.status, 405);
    t.is(response.headers.get('allow'), 'GET');
  });
}

test('a request with headers of more than 4 KiB is refused', async t => {
  await using world = await openWorld();
  const answer = await answerTo(world.port, `GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(5000)}\r\n\r\n`);
  t.regex(answer, /^HTTP\/1.1 431 /);
});

test('what is no HTTP is refused', async t => {
  await using world = await openWorld();
  t.regex(await answerTo(world.port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /^HTTP\/1.1 400 /);
});

test('who does not send a whole request is cut off', async t => {
  await using world = await openWorld();
  t.regex(await answerTo(world.port, 'GET /metrics HTTP/1.1\r\nHost:'), /^HTTP\/1.1 408 /);
});

test('more than 16 connections at a time are closed', async t => {
  await using world = await openWorld();
  const sockets = Array.from({length: 17}, () => netConnect(world.port, '127.0.0.1').on('error', () => {}));
  await Promise.race(sockets.map(socket => new Promise(resolve => socket.once('close', resolve))));
  const open = sockets.filter(socket => !socket.closed);
  t.is(open.length, 16);
  for (const socket of open) socket.destroy();
  // Refused until those are gone. Not by fetch, which may wait for ever when its connection is closed at once.
  const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
  while (!(await answerTo(world.port, request).catch(() => '')).startsWith('HTTP/1.1 200 '));
  t.pass();
});

test('closing waits for no reader, and closing twice is no error', async t => {
  const world = await openWorld();
  const socket = netConnect(world.port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  const closed = new Promise(resolve => socket.resume().once('close', resolve));
  await world.server[Symbol.asyncDispose]();
  await world.server[Symbol.asyncDispose]();
  await closed;
  await t.throwsAsync(world.get('/metrics'));
});

for (const address of [
  '0.0.0.0:9100',
  '127.0.0.1:99999',
  'tls:127.0.0.1:9100',
  '192.0.2.1:9100',
  'example.org:9100',
  '[::]:9100',
  ':9100',
  '/run/x',
  '9100',
]) {
  test(`${address} is refused by an error that says what it should be`, async t => {
    const listening = MetricsServer.listen(address, new Metrics().registry);
    const error = await t.throwsAsync(listening, {instanceOf: ListenError});
    t.is(error.message, `--metrics: "${address}" is not HOST:PORT of a loopback address`);
  });
}

test('an address in use is refused by an error that names the flag', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const bound = other.address();
  const port = typeof bound === 'object' ? bound?.port : undefined;
  const error = await t.throwsAsync(MetricsServer.listen(`127.0.0.1:${port}`, new Metrics().registry), {
    instanceOf: ListenError,
  });
  t.regex(error?.message ?? '', /^--metrics: cannot listen on .*: another program is listening there$/);
  other.close();
});
