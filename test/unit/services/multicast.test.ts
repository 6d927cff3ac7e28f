import test from 'ava';
import {formatIpv4, type Ipv4} from '../../../src/ip/ipv4.js';
import type {MulticastStatus} from '../../../src/multicast/multicast-speaker.js';
import {SocketError} from '../../../src/multicast/sockets.js';
import {strategyFor} from '../../../src/services/strategies.js';
import {TunnelError} from '../../../src/tunnels/errors.js';
import type {SpecInput} from '../../../src/tunnels/spec-parse.js';
import {samples} from '../../samples.js';
import {openWorld} from '../../world.js';

const name = 'doublezero1';
const publisher: SpecInput = {...samples.multicast, mcastSubGroups: []};
const refused = (kind: SocketError['kind'] = 'other', errno = 'ENOBUFS') => new SocketError('socket', kind, errno);

const texts = (groups: readonly Ipv4[] | undefined) => groups?.map(formatIpv4);

/** What would be sent, as text. */
function signalling(world: ReturnType<typeof openWorld>) {
  const {pim, register, heartbeat} = world.multicast.tunnels.get(name) ?? {};
  return {pim: texts(pim?.groups), register: texts(register?.groups), heartbeat: texts(heartbeat?.groups)};
}

const silence = {pim: undefined, register: undefined, heartbeat: undefined};

test('both roles have PIM, Registers and heartbeats, from the right addresses and to the right rendezvous point', async t => {
  await using world = openWorld();
  await world.manager.provision({...samples.multicast, mcastRpAddress: '10.1.1.1'});
  const {pim, register, heartbeat} = world.multicast.tunnels.get(name) ?? {};
  const [local, peer, rp, source] = ['169.254.0.3', '169.254.0.2', '10.1.1.1', '10.99.0.9'];
  t.deepEqual(
    [pim?.localAddress, pim?.peerAddress, pim?.rp].map(address => formatIpv4(address as Ipv4)),
    [local, peer, rp],
  );
  t.deepEqual(
    [register?.localAddress, register?.rp, register?.source].map(address => formatIpv4(address as Ipv4)),
    [local, rp, source],
  );
  t.deepEqual(
    [heartbeat?.localAddress, heartbeat?.source].map(address => formatIpv4(address as Ipv4)),
    [local, source],
  );
  const published = samples.multicast.mcastPubGroups;
  t.deepEqual(signalling(world), {pim: samples.multicast.mcastSubGroups, register: published, heartbeat: published});
});

test('without an address for it the rendezvous point is 10.0.0.0, everywhere', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  const {pim, register} = world.multicast.tunnels.get(name) ?? {};
  t.deepEqual([pim?.rp, register?.rp], [0x0a000000, 0x0a000000]);
});

test('a tunnel that only publishes stays free of PIM, one that only subscribes of the rest', async t => {
  await using world = openWorld();
  await world.manager.provision(publisher);
  t.deepEqual(signalling(world).pim, undefined);
  await using other = openWorld();
  await other.manager.provision(samples.subscriber);
  t.deepEqual(signalling(other), {...silence, pim: samples.subscriber.mcastSubGroups});
});

test('everything is told before the BGP peer is added, and a unicast tunnel tells nothing', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.ibrl);
  t.deepEqual(world.multicast.calls, []);
  world.multicast.fail('pim.apply', refused());
  await t.throwsAsync(world.manager.provision(samples.multicast));
  t.deepEqual(world.multicast.calls.slice(0, 3), [
    `heartbeat.apply ${name}`,
    `register.apply ${name}`,
    `pim.apply ${name}`,
  ]);
  t.false(world.bgp.calls.includes(`addPeer ${name}`));
});

test('a teardown takes the routes out, leaves the groups, and only then ends the session', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  const steps = (await world.manager.remove(name)).map(({step}) => step);
  const wanted = ['routes_delete', 'heartbeat_stop', 'register_stop', 'pim_prune', 'bgp_peer_delete', 'tunnel_down'];
  t.deepEqual(
    steps.filter(step => wanted.includes(step)),
    wanted,
  );
  t.deepEqual(signalling(world), silence);
});

test('a prune that could not be said is reported and keeps nothing from going', async t => {
  await using world = openWorld();
  const before = await world.snapshot();
  await world.manager.provision(samples.multicast);
  world.multicast.fail('pim.stop', refused('missing', 'ENODEV'));
  const steps = await world.manager.remove(name);
  t.like(
    steps.find(({step}) => step === 'pim_prune'),
    {ok: false, error: 'socket: ENODEV'},
  );
  t.deepEqual(
    steps.filter(({ok}) => !ok).map(({step}) => step),
    ['pim_prune'],
  );
  t.deepEqual(await world.snapshot(), before);
  t.deepEqual(world.manager.list(), []);
});

for (const call of ['heartbeat.apply', 'register.apply', 'pim.apply']) {
  test(`where ${call} fails the host is left as it was`, async t => {
    await using world = openWorld();
    const before = await world.snapshot();
    world.multicast.fail(call, refused());
    const error = await t.throwsAsync(world.manager.provision(samples.multicast), {instanceOf: TunnelError});
    t.like(error, {reason: 'netlink-error', metadata: {operation: 'socket', errno: 'ENOBUFS'}});
    t.deepEqual(await world.snapshot(), before);
    t.deepEqual(signalling(world), silence);
    t.deepEqual(world.manager.list(), []);
    t.is(world.bgp.peers.size, 0);
  });
}

test('what keeps sockets from being opened is told apart', async t => {
  await using world = openWorld();
  world.multicast.fail('pim.apply', refused('not-permitted', 'EPERM'));
  const denied = await t.throwsAsync(world.manager.provision(samples.subscriber), {instanceOf: TunnelError});
  t.is(denied.reason, 'missing-capability');
  t.regex(denied.message, /CAP_NET_RAW/);
  world.multicast.fail('pim.apply', new SocketError('koffi', 'unsupported', '', {message: 'no binary'}));
  const unsupported = await t.throwsAsync(world.manager.provision(samples.subscriber), {instanceOf: TunnelError});
  t.like(unsupported, {reason: 'multicast-unsupported', message: 'no binary'});
  t.is((await world.manager.provision(samples.ibrl)).state, 'up');
});

/** The calls an update makes; the session must not be among them. */
async function callsOfUpdate(from: SpecInput, to: SpecInput) {
  await using world = openWorld();
  await world.manager.provision(from);
  world.multicast.calls.length = 0;
  world.bgp.calls.length = 0;
  await world.manager.update(to);
  return {calls: world.multicast.calls, session: world.bgp.calls, now: signalling(world)};
}

test('an update in place touches only the senders whose groups differ', async t => {
  const published = {...samples.multicast, mcastPubGroups: ['233.84.178.7']};
  t.deepEqual(await callsOfUpdate(samples.multicast, published), {
    calls: [`heartbeat.apply ${name}`, `register.apply ${name}`],
    session: [],
    now: {pim: published.mcastSubGroups, register: ['233.84.178.7'], heartbeat: ['233.84.178.7']},
  });
  const subscribed = {...samples.multicast, mcastSubGroups: ['233.84.178.8']};
  t.deepEqual(await callsOfUpdate(samples.multicast, subscribed), {
    calls: [`pim.apply ${name}`],
    session: [],
    now: {
      pim: ['233.84.178.8'],
      register: samples.multicast.mcastPubGroups,
      heartbeat: samples.multicast.mcastPubGroups,
    },
  });
});

test('the subscriber role comes and goes in place', async t => {
  const gained = await callsOfUpdate(publisher, samples.multicast);
  t.deepEqual([gained.calls, gained.session], [[`pim.apply ${name}`], []]);
  const lost = await callsOfUpdate(samples.multicast, publisher);
  t.deepEqual([lost.calls, lost.session, lost.now.pim], [[`pim.stop ${name}`], [], undefined]);
});

test('a group that is no longer published but still subscribed to keeps a route', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  world.kernel.calls.length = 0;
  await world.manager.update({...samples.multicast, mcastPubGroups: ['233.84.178.1']});
  t.deepEqual(world.kernel.calls, ['routesReplace 233.84.178.3/32 via 169.254.0.2 dev doublezero1 table 254 proto 4']);
});

test('an update that fails half way goes back to what was sent before', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  const [kernel, sending] = [await world.snapshot(), signalling(world)];
  world.multicast.fail('pim.apply', refused());
  const next = {...samples.multicast, mcastPubGroups: ['233.84.178.7'], mcastSubGroups: ['233.84.178.8']};
  await t.throwsAsync(world.manager.update(next), {instanceOf: TunnelError});
  t.deepEqual(await world.snapshot(), kernel);
  t.deepEqual(signalling(world), sending);
  t.is(world.manager.get(name).state, 'up');
});

test('the publisher role comes and goes with a tunnel set up anew', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.subscriber);
  world.bgp.calls.length = 0;
  await world.manager.update(samples.multicast);
  t.deepEqual(world.bgp.calls, [`deletePeer ${name}`, `addPeer ${name}`]);
  t.deepEqual(signalling(world).heartbeat, samples.multicast.mcastPubGroups);
});

test('a device that does not hear what we subscribe to is drift, in words', async t => {
  await using world = openWorld();
  const {spec} = await world.manager.provision(samples.subscriber);
  const ports = {...world, netlinker: world.kernel.netlinker, teardown: {linger: 0, abortSockets: 'on' as const}};
  const drift = () => strategyFor(spec).drift(spec, ports);
  t.deepEqual(await drift(), []);
  world.multicast.status = () => ({fault: 'no join can be sent: sendto: ENOBUFS'}) as MulticastStatus;
  t.deepEqual(await drift(), ['no join can be sent: sendto: ENOBUFS']);
});

test('a tunnel whose joins do not get out is degraded until they do, and says why', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.subscriber);
  const fault = 'no join can be sent: sendto: ENOBUFS';
  world.multicast.status = () => ({fault}) as MulticastStatus;
  const {signal} = new AbortController();
  const seen: unknown[] = [];
  for await (const {type, tunnel} of world.manager.watch({
    resumeToken: '',
    names: [],
    signal,
    onOverrun: () => t.fail(),
  })) {
    if (type !== 'driftDetected' && type !== 'driftRepaired') continue;
    seen.push([type, tunnel?.state]);
    if (type === 'driftRepaired') break;
    t.regex(tunnel?.lastError ?? '', /no join can be sent: sendto: ENOBUFS/);
    world.multicast.status = () => undefined;
  }
  t.deepEqual(seen, [
    ['driftDetected', 'degraded'],
    ['driftRepaired', 'up'],
  ]);
  t.like(world.manager.get(name), {state: 'up', lastError: ''});
});

test('more groups than there is room for are refused, with the number that is possible', async t => {
  await using world = openWorld();
  const groups = (count: number) => Array.from({length: count}, (_, index) => `239.1.${index >> 8}.${index & 255}`);
  await t.throwsAsync(world.manager.provision({...samples.subscriber, mcastSubGroups: groups(4097)}), {
    message: 'spec.mcast_sub_groups: has 4097 groups; at most 4096 are possible',
  });
  t.is((await world.manager.provision({...samples.subscriber, mcastSubGroups: groups(4096)})).state, 'up');
});
