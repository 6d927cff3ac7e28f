// What else than a TLS client may come to a port with TLS, and what stands beside it.
import {once} from 'node:events';
import {connect} from 'node:net';
import {join} from 'node:path';
import test from 'ava';
import type {HandshakeFailure} from '../../src/rpc/handshake-failure.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {ListenError} from '../../src/rpc/listen-error.js';
import {openListener} from '../../src/rpc/listener.js';
import {temporaryFolder} from '../temporary-folder.js';
import {frame, frameType, preface} from './raw-http2.js';
import {everything, serveTls} from './tls-world.js';

const record = (type: number, length: number, ...body: number[]) =>
  Buffer.from([type, 3, 1, length >> 8, length & 255, ...body]);

const garbage: [what: string, bytes: Buffer, reason: HandshakeFailure['reason']][] = [
  ['HTTP/2 without TLS', Buffer.concat([preface, frame(frameType.settings, 0, 0)]), 'tls'],
  ['HTTP/1.1 without TLS', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'tls'],
  ['garbage', Buffer.alloc(1000, 0xa5), 'tls'],
  ['zeros', Buffer.alloc(1000), 'tls'],
  ['a record that is longer than records are', record(22, 0xffff, 1, 2, 3), 'tls'],
  ['a handshake that begins with an end', record(22, 4, 20, 0, 0, 0), 'tls'],
  ['an alert', record(21, 2, 2, 40), 'tls'],
];
for (const [what, bytes, reason] of garbage) {
  test(`${what} on the TLS port is refused, and others are served`, async t => {
    await using world = await serveTls();
    const socket = await world.connectBare();
    const read = everything(socket);
    socket.write(bytes);
    const failure = await world.failure();
    t.is(failure.reason, reason);
    t.regex(failure.peer, /^127\.0\.0\.1:[1-9][0-9]*$/);
    t.true((await read).length < 100); // an alert at most
    const client = world.client(await world.ca.client({subject: 'CN=controller'}));
    t.is(String(await client.once(Buffer.from('hello'))), 'hello');
  });
}

test('who says nothing has to leave when the time for a handshake is over', async t => {
  await using world = await serveTls({handshakeTimeout: 100});
  const silent = everything(await world.connectBare());
  const half = await world.connectBare();
  half.write(record(22, 500, 1, 0, 1));
  await Promise.all([silent, everything(half)]);
  const [first, second] = [await world.failure(0), await world.failure(1)];
  t.deepEqual([first.reason, second.reason], ['timeout', 'timeout']);
});

test('who leaves in the middle of a handshake is counted, and others are served', async t => {
  await using world = await serveTls();
  const socket = await world.connectBare();
  socket.write(record(22, 500, 1, 0, 1));
  socket.resetAndDestroy();
  t.is((await world.failure()).reason, 'reset');
  const client = world.client(await world.ca.client({subject: 'CN=controller'}));
  t.is(String(await client.once(Buffer.from('hello'))), 'hello');
});

test('closing a listener does not wait for handshakes', async t => {
  await using world = await serveTls();
  const socket = await world.connectBare();
  socket.write(record(22, 500, 1, 0, 1));
  const read = everything(socket);
  // A handshake that came later and is done: the one before has reached the server too.
  const later = world.connect(await world.ca.client({subject: 'CN=controller'}));
  await once(later, 'secureConnect');
  later.write(preface);
  await once(later, 'data');
  later.destroy();
  await world.listeners[0]?.close();
  await read;
  t.pass();
});

test('listeners with and without TLS stand side by side, and know their callers each in its way', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'd.sock');
  await using world = await serveTls({
    listen: ['tls:127.0.0.1:0', 'tls:[::1]:0', '127.0.0.1:0', '[::1]:0', '0.0.0.0:0', '[::]:0', path],
  });
  const addresses = world.listeners.map(({address}) => address);
  const port = (index: number) => Number(/\d+$/.exec(addresses[index] ?? '')?.[0]);
  const shapes = addresses.map(address => address.replace(/[1-9]\d*$/, 'PORT').replace(path, 'PATH'));
  t.deepEqual(shapes, [
    'tls:127.0.0.1:PORT',
    'tls:[::1]:PORT',
    '127.0.0.1:PORT',
    '[::1]:PORT',
    'tls:0.0.0.0:PORT',
    'tls:[::]:PORT',
    'unix:PATH',
  ]);
  const client = await world.ca.client({subject: 'CN=controller'});
  const secure = async (host: string, index: number) => {
    const socket = world.connect(client, {host, port: port(index)});
    socket.write(preface);
    await once(socket, 'data');
  };
  const plain = async (target: {host: string; port: number} | {path: string}) => {
    const socket = connect(target);
    socket.on('error', () => {});
    socket.write(preface);
    await once(socket, 'data');
    socket.destroy();
  };
  await secure('127.0.0.1', 0);
  await secure('::1', 1);
  await plain({host: '127.0.0.1', port: port(2)});
  await plain({host: '::1', port: port(3)});
  await secure('127.0.0.1', 4);
  await secure('127.0.0.1', 5);
  await secure('::1', 5);
  await plain({path});
  const seen = world.accepted.map(({caller, peer}) => [caller.kind, peer.replace(/[1-9]\d*$/, 'PORT')]);
  t.deepEqual(seen, [
    ['certificate', '127.0.0.1:PORT'],
    ['certificate', '[::1]:PORT'],
    ['anonymous', '127.0.0.1:PORT'],
    ['anonymous', '[::1]:PORT'],
    ['certificate', '127.0.0.1:PORT'],
    ['certificate', '127.0.0.1:PORT'],
    ['certificate', '[::1]:PORT'],
    ['local', `unix:${path}`],
  ]);
});

const listening = {
  onConnection() {},
  onFailure() {},
  localCaller: () => ({kind: 'anonymous'}) as const,
  handshakeTimeout: 60_000,
};

test('a listener with TLS without its files is an error, whoever forgot to check', async t => {
  const error = await t.throwsAsync(openListener(parseListenAddress('tls:127.0.0.1:0'), listening), {
    instanceOf: ListenError,
  });
  t.is(error.message, '--listen: "tls:127.0.0.1:0" needs TLS, and there are no files for it');
});

test('an address that is not of this host is an error that names it', async t => {
  await using world = await serveTls();
  const tls = {current: {...(await world.ca.server()), clientCa: world.ca.pem, minVersion: '1.3'} as const};
  const options = {...listening, tls: {...tls, onChange: () => () => {}}};
  const error = await t.throwsAsync(openListener(parseListenAddress('192.0.2.1:7300'), options), {
    instanceOf: ListenError,
  });
  t.regex(error.message, /^--listen: cannot listen on tls:192\.0\.2\.1:7300: .*EADDRNOTAVAIL/);
});

test('a caller at a Unix socket whom the kernel does not name is refused', async t => {
  await using folder = await temporaryFolder();
  const failures: HandshakeFailure[] = [];
  const listener = await openListener(parseListenAddress(join(folder.path, 'd.sock')), {
    ...listening,
    onConnection: () => t.fail(),
    onFailure: failure => failures.push(failure),
    localCaller() {
      throw new Error('getsockopt: EBADF');
    },
  });
  await everything(connect(join(folder.path, 'd.sock')));
  t.deepEqual(failures, [{reason: 'credentials', peer: listener.address, detail: 'getsockopt: EBADF'}]);
  await listener.close();
});
