import test from 'ava';
import {encodeMessage, pimProtocol, pimType} from '../../../src/multicast/pim/message.js';
import {SocketError} from '../../../src/multicast/sockets.js';
import {vectors} from './vectors.js';
import {heartbeat, ip, openWorld, pim, register, tunnel} from './world.js';

const [one, two, three] = ['239.0.0.1', '239.0.0.2', '239.0.0.3'] as const;
const minute = 60_000;
const registerOf = (group: string) => `register of ${group} to 10.0.0.0`;

test('a heartbeat goes out in each group at once, and then every 10 s', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one, two));
  const beat = [`heartbeat ${one}`, `heartbeat ${two}`];
  t.deepEqual(await world.sent(), beat);
  await world.clock.advance(9_000);
  t.deepEqual(await world.sent(), []);
  await world.clock.advance(2_000);
  t.deepEqual(await world.sent(), beat);
});

test('when groups change all of the new ones hear a heartbeat at once, on the same socket', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one, two));
  await world.sent();
  await world.clock.advance(5_000);
  await world.speaker.heartbeat.apply(tunnel, heartbeat(two, three));
  const beat = [`heartbeat ${two}`, `heartbeat ${three}`];
  t.deepEqual(await world.sent(), beat);
  await world.clock.advance(5_500);
  t.deepEqual(await world.sent(), beat, 'the ticker goes on undisturbed');
  t.is(world.sockets.opened, 1);
});

test('stopped, started again, stopped twice: a heartbeat does what it is told', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.stop(tunnel);
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one));
  await world.speaker.heartbeat.stop(tunnel);
  await world.speaker.heartbeat.stop(tunnel);
  await world.sent();
  await world.clock.advance(minute);
  t.deepEqual(await world.sent(), []);
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one));
  t.deepEqual(await world.sent(), [`heartbeat ${one}`]);
});

test('a heartbeat that is refused is counted, is no fault of the tunnel, and the next one comes as always', async t => {
  await using world = await openWorld();
  world.sockets.sendErrno = 'ENOBUFS';
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one, two));
  await world.sent();
  t.like(world.status(), {fault: '', lastSendError: 'heartbeat: send: ENOBUFS'});
  t.like(world.status()?.counters, {heartbeatsSent: 0, sendErrors: 2});
  world.sockets.sendErrno = '';
  await world.clock.advance(11_000);
  t.is(world.status()?.counters.heartbeatsSent, 2);
});

test('the first Register of each group comes within 5 s, the second within a minute, then one every minute', async t => {
  await using world = await openWorld([0.2, 0.8, 0.1, 0.9]);
  await world.speaker.register.apply(tunnel, register(one, two));
  t.deepEqual(await world.sent(), []);
  await world.clock.advance(1_000);
  t.deepEqual(await world.sent(), [registerOf(one)]);
  await world.clock.advance(4_000);
  t.deepEqual(await world.sent(), [registerOf(two)]);
  // The second ones at 1 s + 6 s and 4 s + 54 s.
  await world.clock.advance(2_000);
  t.deepEqual(await world.sent(), [registerOf(one)]);
  await world.clock.advance(51_000);
  t.deepEqual(await world.sent(), [registerOf(two)]);
  await world.clock.advance(9_000);
  t.deepEqual(await world.sent(), [registerOf(one)]);
  await world.clock.advance(minute);
  t.deepEqual((await world.sent()).sort(), [registerOf(one), registerOf(two)]);
});

test('a Register is byte for byte what devices have always seen', async t => {
  await using world = await openWorld();
  const [localAddress, source] = [ip('169.254.4.59'), ip('148.51.122.203')];
  await world.speaker.register.apply(tunnel, {...register('233.84.178.5'), localAddress, source});
  await world.clock.advance(5_000);
  const [datagram] = world.datagrams;
  t.like(datagram, {source: localAddress, destination: ip('10.0.0.0'), ttl: 32, protocol: pimProtocol});
  t.deepEqual(datagram?.payload, vectors.register.subarray(20));
});

test('a new group gets its first Register within 5 s, the others keep their time, and one that goes gets none', async t => {
  await using world = await openWorld();
  await world.speaker.register.apply(tunnel, register(one, two));
  await world.clock.advance(33_000);
  await world.sent();
  await world.speaker.register.apply(tunnel, register(one, three));
  t.deepEqual(await world.sent(), []);
  await world.clock.advance(5_000);
  t.deepEqual(await world.sent(), [registerOf(three)]);
  await world.clock.advance(minute);
  t.deepEqual((await world.sent()).sort(), [registerOf(one), registerOf(three)]);
});

test('groups that change during the first delay are the ones registered', async t => {
  await using world = await openWorld();
  await world.speaker.register.apply(tunnel, register(one));
  await world.speaker.register.apply(tunnel, register(two));
  await world.clock.advance(5_000);
  t.deepEqual(await world.sent(), [registerOf(two)]);
});

test('many groups are spread over the interval', async t => {
  const chance = Array.from({length: 997}, (_, index) => index / 997);
  await using world = await openWorld(chance);
  const groups = Array.from({length: 600}, (_, index) => `239.1.${index >> 8}.${index & 255}`);
  await world.speaker.register.apply(tunnel, register(...groups));
  await world.clock.advance(2 * minute);
  await world.sent();
  const counts: number[] = [];
  for (let second = 0; second < 60; second++) {
    await world.clock.advance(1000);
    counts.push((await world.sent()).length);
  }
  t.is(
    counts.reduce((a, b) => a + b),
    600,
  );
  t.true(Math.max(...counts) <= 30, `${counts}`);
});

test('stopped, also during the first delay, the beacon is silent, and can be started again', async t => {
  await using world = await openWorld();
  await world.speaker.register.apply(tunnel, register(one));
  await world.speaker.register.stop(tunnel);
  await world.speaker.register.stop(tunnel);
  await world.clock.advance(minute);
  t.deepEqual(await world.sent(), []);
  t.is(world.clock.waiting, 0);
  await world.speaker.register.apply(tunnel, register(one));
  await world.clock.advance(5_000);
  t.deepEqual(await world.sent(), [registerOf(one)]);
});

test('a Register that is refused is tried again after a second; the others are sent meanwhile', async t => {
  await using world = await openWorld([0.1, 0.9]);
  await world.speaker.register.apply(tunnel, register(one, two));
  world.sockets.sendErrno = 'ENOBUFS';
  await world.clock.advance(1_000);
  world.sockets.sendErrno = '';
  await world.clock.advance(4_000);
  t.deepEqual(await world.sent(), [registerOf(one), registerOf(two)]);
  t.is(world.status()?.fault, '');
});

const registerStop = (group: string, source: string) => {
  const octets = (text: string) => text.split('.').map(Number);
  return encodeMessage(pimType.registerStop, [1, 0, 0, 32, ...octets(group), 1, 0, ...octets(source)]);
};

test('Register-Stops are counted where they are about us, and stop nothing', async t => {
  await using world = await openWorld();
  await world.speaker.register.apply(tunnel, register(one));
  await world.clock.advance(5_000);
  world.fromRp(registerStop(one, '10.99.0.1'));
  world.fromRp(registerStop(two, '10.99.0.1'));
  world.fromRp(registerStop(one, '10.99.0.2'));
  world.fromPeer(registerStop(one, '10.99.0.1'));
  world.fromRp(Uint8Array.of(0x22, 0, 0, 0));
  t.like(world.status()?.counters, {registersSent: 1, registerStopsReceived: 1, ignored: 2, malformed: 1});
  await world.clock.advance(minute);
  t.is(world.status()?.counters.registersSent, 2);
});

test('a Register-Stop is counted once on a tunnel that subscribes as well', async t => {
  await using world = await openWorld();
  await world.speaker.register.apply(tunnel, register(one));
  await world.speaker.pim.apply(tunnel, pim(one));
  world.fromRp(registerStop(one, '10.99.0.1'));
  t.like(world.status()?.counters, {registerStopsReceived: 1, ignored: 0});
});

test('a publisher sends no Hellos, and hears none', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one));
  await world.speaker.register.apply(tunnel, register(one));
  await world.hello({holdtime: 105, generationId: 7});
  await world.clock.advance(10 * minute);
  t.false((await world.sent()).some(text => text.startsWith('hello') || text.startsWith('join')));
  t.is(world.status()?.neighbor, undefined);
});

test('one sender that ends leaves the others alone, and the tunnel is known until the last has ended', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one));
  await world.speaker.pim.apply(tunnel, pim(one));
  const stopped = world.speaker.pim.stop(tunnel);
  await world.clock.advance(1000);
  await stopped;
  t.is(world.status()?.counters.prunesSent, 3);
  await world.sent();
  await world.clock.advance(10_000);
  t.deepEqual(await world.sent(), [`heartbeat ${one}`]);
  await world.speaker.heartbeat.stop(tunnel);
  t.is(world.status(), undefined);
});

test('a publisher, too, starts anew on an interface that was made anew', async t => {
  await using world = await openWorld();
  await world.speaker.heartbeat.apply(tunnel, heartbeat(one));
  await world.speaker.register.apply(tunnel, register(one));
  await world.netlinker.tunnelDelete(tunnel);
  await world.clock.advance(1000);
  await world.sent();
  await world.clock.advance(minute);
  t.deepEqual(await world.sent(), []);
  await world.raise();
  await world.clock.advance(6000);
  t.deepEqual(await world.sent(), [`heartbeat ${one}`, registerOf(one)]);
});

test('a heartbeat without its address does not start', async t => {
  await using world = await openWorld();
  world.sockets.openErrno = 'EADDRNOTAVAIL';
  await t.throwsAsync(world.speaker.heartbeat.apply(tunnel, heartbeat(one)), {instanceOf: SocketError});
  t.is(world.status(), undefined);
});
