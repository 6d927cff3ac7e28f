import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {createServer, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {Connection} from '../../../src/bgp/connection.js';
import {ipv4} from '../../../src/ip/ipv4.js';

const loopback = ipv4(0x7f000001);

/** A connection, and the socket at its other end, which reads nothing unless told to. */
async function open() {
  const server = createServer({pauseOnConnect: true, allowHalfOpen: true}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  const accepted = once(server, 'connection');
  let failed = (_reason: string) => {};
  const failure = new Promise<string>(resolve => {
    failed = resolve;
  });
  const connection = await new Promise<Connection>(resolve => {
    const options = {localAddress: loopback, peerAddress: loopback, port: address.port};
    const connection: Connection = new Connection(options, {
      connected: () => resolve(connection),
      received: () => {},
      failed: reason => failed(reason),
    });
  });
  const [socket] = (await accepted) as [Socket];
  socket.on('error', () => undefined); // the end of a test may be a reset
  return {
    connection,
    socket,
    failure,
    async [Symbol.asyncDispose]() {
      await connection.close();
      socket.destroy();
      server.close();
    },
  };
}

/** Which timer the kernel runs for a connection of ours, as proc(5) numbers them: 2 is that of keepalive. */
function timerOf({remotePort = 0, localPort = 0}: Socket): number {
  const hex = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .find(text => text.includes(` ${hex(remotePort)} ${hex(localPort)} `));
  return Number(line?.trim().split(/\s+/)[5]?.slice(0, 2));
}

test('a peer that has not spoken yet is asked by TCP whether it is there, and no more once it has', async t => {
  await using world = await open();
  t.is(timerOf(world.socket), 2);
  world.socket.write('an OPEN');
  while (timerOf(world.socket) !== 0) await delay(10);
  t.pass();
});

test('a peer that reads nothing is given up before what waits for it takes more than a few megabytes', async t => {
  await using world = await open();
  const message = new Uint8Array(4096);
  let sent = 0;
  let reason = '';
  void world.failure.then(text => {
    reason = text;
  });
  while (reason === '') {
    world.connection.send(message);
    sent += message.length;
    await new Promise(resolve => setImmediate(resolve)); // what the kernel takes is not what waits
  }
  t.regex(reason, /^127\.0\.0\.1:\d+: the peer does not read what is sent$/);
  t.true(sent > 1 << 20, `${sent} octets`); // the kernel has room for several megabytes more
});

test('what was sent before the close still arrives', async t => {
  await using world = await open();
  world.connection.send(Uint8Array.of(1, 2, 3));
  const closed = world.connection.close();
  const octets: number[] = [];
  world.socket.on('data', chunk => octets.push(...chunk)).resume();
  await once(world.socket, 'end');
  world.socket.end();
  await closed;
  t.deepEqual(octets, [1, 2, 3]);
});

test('a closed connection is told of nothing more', async t => {
  await using world = await open();
  let told = false;
  void world.failure.then(() => {
    told = true;
  });
  const closed = world.connection.close();
  world.socket.resetAndDestroy();
  await t.notThrowsAsync(closed);
  world.connection.send(Uint8Array.of(1));
  await world.connection.close();
  t.false(told);
});
