import test from 'ava';
import {Protocol} from 'netlink';
import {Channel, ChannelError} from '../../../src/netlink/kernel/channel.js';
import {decodeLink, getLink} from '../../../src/netlink/kernel/links.js';

// These only read, and only the loopback: they need no privilege and do no harm.

/** The kernel drops a message that claims to be longer than what was sent, and says nothing. */
function unanswerable(): Uint8Array {
  const message = Uint8Array.from(getLink('lo'));
  message[0] = 255;
  return message;
}

async function nameOfLoopback(channel: Channel): Promise<string | undefined> {
  let name: string | undefined;
  const outcome = await channel.send(getLink('lo'), ({buffer, byteOffset}, start, end) => {
    name = decodeLink(Buffer.from(buffer, byteOffset + start, end - start)).name;
  });
  return outcome.refused.length === 0 ? name : undefined;
}

const failsWith = (errno: string) => ({instanceOf: ChannelError, message: `netlink exchange failed: ${errno}`});

test('a request without an answer times out, and the next one is answered', async t => {
  using channel = new Channel(Protocol.ROUTE, {timeout: 20});
  await t.throwsAsync(channel.send(unanswerable()), failsWith('ETIMEDOUT'));
  t.is(await nameOfLoopback(channel), 'lo');
});

test('requests behind one that times out are answered', async t => {
  using channel = new Channel(Protocol.ROUTE, {timeout: 20});
  const [silent, ...answered] = await Promise.allSettled([
    channel.send(unanswerable()),
    ...Array.from({length: 10}, () => nameOfLoopback(channel)),
  ]);
  t.is(silent.status, 'rejected');
  t.true(answered.every(outcome => outcome.status === 'fulfilled' && outcome.value === 'lo'));
});

test('a pause of the whole process is no timeout', async t => {
  using channel = new Channel(Protocol.ROUTE, {timeout: 5});
  const name = nameOfLoopback(channel);
  for (const end = Date.now() + 30; Date.now() < end; );
  t.is(await name, 'lo');
});

test('an error while answers are read fails that request only', async t => {
  using channel = new Channel(Protocol.ROUTE);
  const fault = new Error('unreadable');
  const failed = channel.send(getLink('lo'), () => {
    throw fault;
  });
  const behind = nameOfLoopback(channel);
  t.is(await t.throwsAsync(failed), fault);
  t.is(await behind, 'lo');
});

test('a message that cannot be sent fails with the errno, and so does the next', async t => {
  using channel = new Channel(Protocol.USERSOCK); // nobody listens to this protocol in the kernel
  for (let attempt = 0; attempt < 2; attempt++)
    await t.throwsAsync(channel.send(getLink('lo')), failsWith('ECONNREFUSED'));
});

test('an empty batch is an error and not a hang', async t => {
  using channel = new Channel(Protocol.ROUTE);
  await t.throwsAsync(channel.send(new Uint8Array(0)), {instanceOf: RangeError});
  t.is(await nameOfLoopback(channel), 'lo');
});

test('closing fails what is under way, what waits and what comes', async t => {
  const channel = new Channel(Protocol.ROUTE);
  const outcomes = Promise.allSettled([nameOfLoopback(channel), nameOfLoopback(channel)]);
  channel[Symbol.dispose]();
  for (const outcome of await outcomes) t.like(outcome, {status: 'rejected', reason: {errno: 'ECANCELED'}});
  await t.throwsAsync(nameOfLoopback(channel), failsWith('ECANCELED'));
  t.notThrows(() => channel[Symbol.dispose]());
});

test('other work gets its turn between exchanges', async t => {
  using channel = new Channel(Protocol.ROUTE);
  let turns = 0;
  let running = true;
  const count = () => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({length: 100}, () => nameOfLoopback(channel)));
  running = false;
  t.true(turns >= 99);
});

test('a small receive buffer makes for small batches', t => {
  using ordinary = new Channel(Protocol.ROUTE);
  t.true(ordinary.batchLimit > 0 && ordinary.batchLimit <= 256);
  using cramped = new Channel(Protocol.ROUTE, {receiveBuffer: 16_384});
  t.true(cramped.batchLimit > 0 && cramped.batchLimit < 32);
});
