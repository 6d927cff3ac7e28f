import test from 'ava';
import {decodeHello} from '../../../src/multicast/pim/hello.js';
import {allPimRouters, encodeMessage, pimType} from '../../../src/multicast/pim/message.js';
import {SocketError} from '../../../src/multicast/sockets.js';
import {vectors} from './vectors.js';
import {ip, openWorld, pim, tunnel} from './world.js';

const [one, two, three] = ['239.0.0.1', '239.0.0.2', '239.0.0.3'] as const;

test('a Hello and a Join for all groups go out at the start, and again every 30 s', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  const announcement = ['hello for 105 s', `join ${one} ${two} for 120 s`];
  t.deepEqual(await world.sent(), announcement);
  await world.clock.advance(29_000);
  t.deepEqual(await world.sent(), []);
  await world.clock.advance(2000);
  t.deepEqual(await world.sent(), announcement);
  await world.clock.advance(60_000);
  t.deepEqual(await world.sent(), [...announcement, ...announcement]);
});

test('what is sent is byte for byte what devices have always seen, but for the generation ID', async t => {
  await using world = await openWorld([3614426332 / 2 ** 32]);
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.sent();
  const payloads = world.datagrams.map(({payload}) => payload);
  t.deepEqual(payloads, [vectors.hello, vectors.join]);
});

test('groups that come and go are joined and pruned alone, on the same socket, the prune three times', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  await world.sent();
  await world.speaker.pim.apply(tunnel, pim(two, three));
  t.deepEqual(await world.sent(), [`prune ${one} for 5 s`, `join ${three} for 120 s`]);
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), [`prune ${one} for 5 s`, `prune ${one} for 5 s`]);
  await world.clock.advance(30_000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${two} ${three} for 120 s`]);
  t.is(world.sockets.opened, 1);
});

test('a group that comes back is not pruned any more', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  await world.speaker.pim.apply(tunnel, pim(two));
  await world.speaker.pim.apply(tunnel, pim(two, one));
  await world.sent();
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), []);
});

test('the same groups in another order send nothing', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  await world.sent();
  await world.speaker.pim.apply(tunnel, pim(two, one));
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), []);
});

test('at the end all groups are pruned three times, and only then comes the goodbye, twice', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  await world.sent();
  const stopped = world.speaker.pim.stop(tunnel);
  await world.clock.advance(1000);
  await stopped;
  const prune = `prune ${one} ${two} for 5 s`;
  t.deepEqual(await world.sent(), [prune, prune, prune, 'hello for 0 s', 'hello for 0 s']);
  await world.clock.advance(120_000);
  t.deepEqual(await world.sent(), []);
  t.is(world.status(), undefined);
  t.is(world.clock.waiting, 0);
});

test('a neighbor that appears during the farewell is not told of any group any more', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.sent();
  const stopped = world.speaker.pim.stop(tunnel);
  await world.clock.advance(50);
  await world.hello({holdtime: 105, generationId: 7});
  await world.clock.advance(1000);
  await stopped;
  t.false((await world.sent()).some(text => text.startsWith('join') || text === 'hello for 105 s'));
  t.is(world.clock.waiting, 0);
});

test('stopping what never started, and twice, does nothing', async t => {
  await using world = await openWorld();
  await world.speaker.pim.stop(tunnel);
  await world.speaker.pim.apply(tunnel, pim(one));
  const stopped = Promise.all([world.speaker.pim.stop(tunnel), world.speaker.pim.stop(tunnel)]);
  await world.clock.advance(1000);
  await stopped;
  t.is((await world.sent()).filter(text => text.startsWith('hello for 0')).length, 2);
});

test('an update that comes while it stops starts anew afterwards', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  const stopped = world.speaker.pim.stop(tunnel);
  const started = world.speaker.pim.apply(tunnel, pim(two));
  await world.clock.advance(1000);
  await Promise.all([stopped, started]);
  t.deepEqual((await world.sent()).slice(-3), ['hello for 0 s', 'hello for 105 s', `join ${two} for 120 s`]);
  t.is(world.status()?.fault, '');
  await world.clock.advance(31_000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${two} for 120 s`]);
});

test('a neighbor that appears hears a Hello and a Join at once, and is in the status', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.sent();
  t.is(world.status()?.neighbor, undefined);
  await world.hello({holdtime: 105, generationId: 7});
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  t.like(world.status()?.neighbor, {state: 'up', generationId: 7, expires: new Date(105_000)});
  t.deepEqual(world.events, [`${tunnel} up`]);
  await world.clock.advance(10_000);
  await world.hello({holdtime: 105, generationId: 7});
  t.deepEqual(await world.sent(), []);
  t.like(world.status()?.neighbor, {since: new Date(0), lastHeard: new Date(10_000), expires: new Date(115_000)});
});

test('a neighbor that restarted has forgotten us: Hello and Join at once', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.hello({holdtime: 105, generationId: 7});
  await world.clock.advance(1000);
  await world.sent();
  await world.hello({holdtime: 105, generationId: 8});
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  t.like(world.status()?.neighbor, {state: 'up', since: new Date(1000), generationId: 8});
});

test('a neighbor expires when its hold time is over, at once with a goodbye, and never with 65535', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.hello({holdtime: 20, generationId: 7});
  await world.clock.advance(19_999);
  t.is(world.status()?.neighbor?.state, 'up');
  await world.clock.advance(1);
  t.like(world.status()?.neighbor, {state: 'expired', since: new Date(20_000), lastHeard: new Date(0)});
  await world.hello({holdtime: 0xffff, generationId: 7});
  await world.clock.advance(10_000_000);
  t.is(world.status()?.neighbor?.state, 'up');
  await world.hello({holdtime: 0, generationId: 7});
  t.is(world.status()?.neighbor?.state, 'expired');
  t.deepEqual(world.events, [`${tunnel} up`, `${tunnel} expired`, `${tunnel} up`, `${tunnel} expired`]);
});

test('a Hello without a hold time lives for 105 s; a goodbye of nobody is no neighbor', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.hello({holdtime: 0});
  t.is(world.status()?.neighbor, undefined);
  await world.hello({});
  t.deepEqual(world.status()?.neighbor?.expires, new Date(105_000));
});

test('what is no Hello of the device is counted and has no effect', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  world.fromPeer(vectors.join);
  world.fromRp(vectors.hello, allPimRouters);
  world.fromPeer(Uint8Array.of(0x20, 0, 1, 2));
  world.fromPeer(encodeMessage(pimType.hello, [0, 1, 0, 9]));
  t.like(world.status()?.counters, {hellosReceived: 0, ignored: 2, malformed: 2});
  t.deepEqual(world.events, []);
});

test('a send that is refused is tried again after a second, and shows until it works', async t => {
  await using world = await openWorld();
  world.sockets.sendErrno = 'ENOBUFS';
  await world.speaker.pim.apply(tunnel, pim(one));
  t.is(world.status()?.fault, 'no hello can be sent: sendto: ENOBUFS; no join can be sent: sendto: ENOBUFS');
  t.like(world.status(), {lastSendError: 'join: sendto: ENOBUFS', lastSendErrorTime: new Date(0)});
  await world.clock.advance(1500);
  t.is(world.status()?.counters.sendErrors, 4);
  world.sockets.sendErrno = '';
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  t.like(world.status(), {fault: '', lastSendError: 'join: sendto: ENOBUFS'});
  await world.clock.advance(10_000);
  t.deepEqual(await world.sent(), []);
});

test('what would be refused again waits for the next turn', async t => {
  await using world = await openWorld();
  world.sockets.sendErrno = 'EMSGSIZE';
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.clock.advance(10_000);
  t.is(world.status()?.counters.sendErrors, 2);
});

test('a prune that could not be sent is tried until it could', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one, two));
  await world.sent();
  world.sockets.sendErrno = 'ENOBUFS';
  await world.speaker.pim.apply(tunnel, pim(two));
  await world.clock.advance(1500);
  world.sockets.sendErrno = '';
  await world.clock.advance(2000);
  t.is((await world.sent()).filter(text => text === `prune ${one} for 5 s`).length, 3);
});

test('a farewell of which nothing got out fails, and it has stopped all the same', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  world.sockets.sendErrno = 'ENETUNREACH';
  const stopped = t.throwsAsync(world.speaker.pim.stop(tunnel), {instanceOf: SocketError, message: /ENETUNREACH/});
  await world.clock.advance(1000);
  await stopped;
  t.is(world.status(), undefined);
});

test('a socket that is refused fails the start, and nothing is left of it', async t => {
  await using world = await openWorld();
  world.sockets.openErrno = 'EPERM';
  await t.throwsAsync(world.speaker.pim.apply(tunnel, pim(one)), {instanceOf: SocketError});
  t.is(world.status(), undefined);
  t.is(world.clock.waiting, 0);
  world.sockets.openErrno = '';
  await world.speaker.pim.apply(tunnel, pim(one));
  t.is((await world.sent()).length, 2);
});

test('without the interface it does not start', async t => {
  await using world = await openWorld();
  await world.netlinker.tunnelDelete(tunnel);
  const error = await t.throwsAsync(world.speaker.pim.apply(tunnel, pim(one)), {instanceOf: SocketError});
  t.like(error, {kind: 'missing', message: `there is no interface ${tunnel}`});
});

test('while the link is down nothing is sent; when it is back there is a new generation ID, at once', async t => {
  await using world = await openWorld([0.1, 0.5, 0.9, 0.5]);
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.hello({holdtime: 105, generationId: 7});
  const generations = () => world.datagrams.map(({payload}) => payload).filter(({length}) => length === 26);
  await world.netlinker.tunnelDown(tunnel);
  await world.clock.advance(1000);
  t.like(world.status(), {neighbor: undefined, generationId: undefined, fault: ''});
  await world.sent();
  await world.clock.advance(60_000);
  t.deepEqual(await world.sent(), []);
  await world.netlinker.tunnelUp(tunnel);
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  const ids = new Set(generations().map(hello => decodeHello(hello).generationId));
  t.is(ids.size, 2);
});

test('an interface that was made anew gets a new socket and hears everything again', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.sent();
  await world.netlinker.tunnelDelete(tunnel);
  await world.raise();
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  t.is(world.sockets.opened, 2);
});

for (const [what, other] of Object.entries({
  remote: {remote: ip('192.0.2.3')},
  local: {local: ip('192.0.2.9')},
  TTL: {ttl: 32},
})) {
  test(`on a tunnel of the same name with another ${what} nothing is sent, until its own is back`, async t => {
    await using world = await openWorld();
    await world.speaker.pim.apply(tunnel, pim(one));
    await world.sent();
    await world.netlinker.tunnelDelete(tunnel);
    await world.raise(other);
    await world.clock.advance(60_000);
    t.deepEqual(await world.sent(), []);
    t.is(world.status()?.fault, '');
    await world.netlinker.tunnelDelete(tunnel);
    await world.raise();
    await world.clock.advance(1000);
    t.deepEqual(await world.sent(), ['hello for 105 s', `join ${one} for 120 s`]);
  });
}

test('an interface that came back without its addresses is tried again each second, and the fault shows', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.netlinker.tunnelDown(tunnel);
  await world.clock.advance(1000);
  world.sockets.openErrno = 'EADDRNOTAVAIL';
  await world.netlinker.tunnelUp(tunnel);
  await world.clock.advance(3000);
  t.is(world.status()?.fault, 'no hello can be sent: socket: EADDRNOTAVAIL');
  world.sockets.openErrno = '';
  await world.clock.advance(1000);
  t.is(world.status()?.fault, '');
});

test('groups changed while the link is down are the ones joined when it is back', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.netlinker.tunnelDown(tunnel);
  await world.clock.advance(1000);
  await world.speaker.pim.apply(tunnel, pim(two));
  await world.sent();
  await world.netlinker.tunnelUp(tunnel);
  await world.clock.advance(1000);
  t.deepEqual(await world.sent(), ['hello for 105 s', `join ${two} for 120 s`]);
});

test('a farewell on a link that is known to be down fails at once', async t => {
  await using world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.netlinker.tunnelDown(tunnel);
  await world.clock.advance(1000);
  await t.throwsAsync(world.speaker.pim.stop(tunnel), {instanceOf: SocketError, message: /ENETDOWN/});
  t.is(world.status(), undefined);
});

test('disposed of, it ends without a word', async t => {
  const world = await openWorld();
  await world.speaker.pim.apply(tunnel, pim(one));
  await world.sent();
  await world[Symbol.asyncDispose]();
  await world.clock.advance(60_000);
  t.deepEqual(await world.sent(), []);
  t.is(world.clock.waiting, 0);
});
