import test from 'ava';
import {ipv4} from '../../../src/ip/ipv4.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {InvalidArgument, NotStarted, TunnelError} from '../../../src/tunnels/errors.js';
import {samples} from '../../samples.js';
import {openWorld} from '../../world.js';

const reasonOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof TunnelError ? error.reason : String(error);
  }
};

const fieldsOf = async (work: Promise<unknown>): Promise<string[]> => {
  try {
    await work;
    return [];
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    return error.violations.map(({field}) => field);
  }
};

test('provisioning the same spec again returns the running tunnel and touches nothing', async t => {
  await using world = openWorld();
  const first = await world.manager.provision(samples.edgeFiltering);
  world.kernel.calls.length = 0;
  t.is(await world.manager.provision(samples.edgeFiltering), first);
  t.deepEqual(world.kernel.calls, []);
});

test('another spec in the slot is refused, the differing fields named', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.ibrl);
  const other = {...samples.ibrl, tunnelDst: '192.0.2.7', bgpLocalAsn: 65010};
  const error = await t.throwsAsync(world.manager.provision(other), {instanceOf: TunnelError});
  t.is(error.reason, 'tunnel-exists');
  t.deepEqual(error.metadata, {tunnel_dst: '192.0.2.2 → 192.0.2.7', bgp_local_asn: '65000 → 65010'});
});

test('a unicast and a multicast tunnel run side by side', async t => {
  await using world = openWorld();
  await Promise.all([world.manager.provision(samples.multicast), world.manager.provision(samples.ibrl)]);
  t.deepEqual(
    world.manager.list().map(({name, state}) => [name, state]),
    [
      ['doublezero0', 'up'],
      ['doublezero1', 'up'],
    ],
  );
});

test('the pair of underlay addresses and the overlay have to be unique between the slots', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.ibrl);
  const {tunnelDst, tunnelNet} = samples.ibrl;
  t.deepEqual(await fieldsOf(world.manager.provision({...samples.multicast, tunnelDst})), ['spec.tunnel_dst']);
  t.deepEqual(await fieldsOf(world.manager.provision({...samples.multicast, tunnelNet})), ['spec.tunnel_net']);
});

test('the pair is unique among tunnels that are set up at the same time, too', async t => {
  await using world = openWorld();
  const clash = {...samples.multicast, tunnelDst: samples.ibrl.tunnelDst};
  const results = await Promise.allSettled([world.manager.provision(samples.ibrl), world.manager.provision(clash)]);
  t.deepEqual(results.map(({status}) => status).sort(), ['fulfilled', 'rejected']);
});

test('an empty tunnel_src becomes the one the kernel would use', async t => {
  await using world = openWorld();
  const {spec} = await world.manager.provision({...samples.ibrl, tunnelSrc: ''});
  t.is(spec.tunnelSrc, ipv4(0xc0000201));
});

test('an empty tunnel_src keeps the source of the running tunnel', async t => {
  await using world = openWorld();
  const running = await world.manager.provision({...samples.ibrl, tunnelSrc: '198.51.100.77'});
  t.is(await world.manager.update({...samples.ibrl, tunnelSrc: ''}), running);
});

test('without a route to tunnel_dst an empty tunnel_src is refused', async t => {
  await using world = openWorld(new MemoryNetlinker({interfaces: [], routes: []}));
  t.deepEqual(await fieldsOf(world.manager.provision({...samples.ibrl, tunnelSrc: ''})), ['spec.tunnel_src']);
});

test('a tunnel to an address of this host is refused', async t => {
  await using world = openWorld();
  const input = {...samples.ibrl, tunnelSrc: '', tunnelDst: '192.0.2.1'};
  t.deepEqual(await fieldsOf(world.manager.provision(input)), ['spec.tunnel_dst']);
});

test('validate_only answers with the tunnel as it would be and changes nothing', async t => {
  await using world = openWorld();
  const before = await world.snapshot();
  const planned = await world.manager.provision(samples.ibrl, {validateOnly: true});
  t.like(planned, {name: 'doublezero0', state: 'planned', uid: ''});
  t.deepEqual(await world.snapshot(), before);
  t.deepEqual(world.manager.list(), []);
  const running = await world.manager.provision(samples.ibrl);
  t.is(running.etag, planned.etag);
  const next = await world.manager.update({...samples.ibrl, bgpLocalAsn: 65010}, {validateOnly: true});
  t.like(next, {state: 'planned', uid: running.uid});
  t.not(next.etag, running.etag);
  t.is(await reasonOf(world.manager.provision(samples.edgeFiltering, {validateOnly: true})), 'tunnel-exists');
});

test('only what runs can be updated, unless allow_missing says otherwise', async t => {
  await using world = openWorld();
  t.is(await reasonOf(world.manager.update(samples.ibrl)), 'tunnel-not-found');
  t.like(await world.manager.update(samples.ibrl, {allowMissing: true}), {state: 'up'});
});

test('an update moves the tunnel to the new spec and keeps its uid', async t => {
  await using world = openWorld();
  const before = await world.manager.provision(samples.ibrl);
  const after = await world.manager.update(samples.edgeFiltering);
  t.like(after, {uid: before.uid, state: 'up', createTime: before.createTime});
  t.not(after.etag, before.etag);
  t.is((await world.kernel.netlinker.rules()).filter(({priority}) => priority === 100).length, 2);
});

test('group changes are made in place', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  world.kernel.calls.length = 0;
  // .1 goes, .3 is only subscribed to from now on, .5 comes; .2 stays
  await world.manager.update({
    ...samples.multicast,
    mcastPubGroups: ['233.84.178.5'],
    mcastSubGroups: ['233.84.178.2', '233.84.178.3'],
  });
  t.deepEqual(world.kernel.calls, [
    'routesReplace 233.84.178.5/32 via 169.254.0.2 dev doublezero1 table 254 proto 4 src 10.99.0.9',
    'routesReplace 233.84.178.3/32 via 169.254.0.2 dev doublezero1 table 254 proto 4',
    'routesDelete 233.84.178.1/32 via 169.254.0.2 dev doublezero1 table 254 proto 4 src 10.99.0.9',
  ]);
  t.deepEqual(world.bgp.calls, ['addPeer doublezero1']);
});

test('gaining the publisher role sets the tunnel up anew', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.subscriber);
  await world.manager.update(samples.multicast);
  t.deepEqual(world.bgp.calls, ['addPeer doublezero1', 'deletePeer doublezero1', 'addPeer doublezero1']);
});

test('an etag that is not the current one stops update and removal', async t => {
  await using world = openWorld();
  const {etag} = await world.manager.provision(samples.ibrl);
  t.is(await reasonOf(world.manager.update(samples.edgeFiltering, {etag: 'stale'})), 'etag-mismatch');
  t.is(await reasonOf(world.manager.remove('doublezero0', {etag: 'stale'})), 'etag-mismatch');
  t.is(world.manager.get('doublezero0').etag, etag);
  await world.manager.update(samples.edgeFiltering, {etag});
  t.is(await reasonOf(world.manager.remove('doublezero0', {etag})), 'etag-mismatch');
});

test('an etag for a tunnel that is gone stops an upsert', async t => {
  await using world = openWorld();
  t.is(await reasonOf(world.manager.update(samples.ibrl, {etag: 'x', allowMissing: true})), 'etag-mismatch');
});

test('what does not run cannot be removed, unless allow_missing says otherwise', async t => {
  await using world = openWorld();
  t.is(await reasonOf(world.manager.remove('doublezero0')), 'tunnel-not-found');
  t.is(await reasonOf(world.manager.remove('eth0')), 'tunnel-not-found');
  t.deepEqual(await world.manager.remove('eth0', {allowMissing: true}), []);
  t.deepEqual(await world.manager.remove('doublezero0', {allowMissing: true}), []);
  t.deepEqual(await fieldsOf(world.manager.remove('')), ['name']);
});

test('a tunnel whose interface is already gone is removed with success', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.ibrl);
  await world.kernel.netlinker.tunnelDelete('doublezero0');
  t.true((await world.manager.remove('doublezero0')).every(({ok}) => ok));
});

const untilDegraded = async ({manager}: ReturnType<typeof openWorld>, name: string) => {
  const signal = AbortSignal.timeout(60_000);
  const options = {resumeToken: '', names: [name], signal, onOverrun: () => undefined};
  for await (const {type, tunnel} of manager.watch(options)) {
    if (type === 'driftDetected' || tunnel?.state === 'degraded') return;
  }
};

test('a tunnel whose interface somebody deleted is brought back by provisioning it again, as the same tunnel', async t => {
  const netlinker = new MemoryNetlinker();
  await using world = openWorld(netlinker, {repair: false});
  const {uid} = await world.manager.provision(samples.edgeFiltering);
  const before = await world.snapshot();
  await netlinker.tunnelDelete('doublezero0');
  await untilDegraded(world, 'doublezero0');
  t.is(await reasonOf(world.manager.provision(samples.ibrl)), 'tunnel-exists');
  t.like(await world.manager.provision(samples.edgeFiltering), {state: 'up', uid, lastError: ''});
  t.deepEqual(await world.snapshot(), before);
});

test('routes that somebody else has put over an adopted interface stay', async t => {
  const netlinker = new MemoryNetlinker();
  await using world = openWorld(netlinker);
  await world.manager.provision(samples.edgeFiltering);
  const own = (await netlinker.routes({table: 101}))[0];
  const foreign = {destination: {address: ipv4(0xc6336464), length: 32}, table: 254, interface: 'doublezero0'};
  await netlinker.routesReplace([
    {...foreign, protocol: 3},
    {...foreign, destination: {address: ipv4(0xe9540001), length: 32}, protocol: 4},
  ]);
  await world.manager.drain({teardown: false});
  await using next = openWorld(netlinker);
  await next.manager.provision(samples.ibrlWithAllocatedIp);
  const left = await netlinker.routes({interface: 'doublezero0'});
  t.true(left.some(({protocol, table}) => protocol === 3 && table === 254));
  t.false(
    left.some(({protocol}) => protocol === 4),
    'a group route without its tunnel',
  );
  t.false(left.some(({table}) => table === own?.table));
});

test('a matching interface is adopted: not recreated, its stray addresses taken off', async t => {
  const netlinker = new MemoryNetlinker();
  await using world = openWorld(netlinker);
  const tunnel = {name: 'doublezero0', local: ipv4(0xc0000201), remote: ipv4(0xc0000202), ttl: 64, mtu: 1400};
  await netlinker.tunnelAdd(tunnel);
  await netlinker.addressAdd('doublezero0', {address: ipv4(0x0a630001), length: 32, scope: 'universe'});
  const index = (await netlinker.link('doublezero0'))?.index;
  const {link} = await world.manager.provision(samples.ibrl);
  t.like(link, {index, mtu: 1476, adminUp: true});
  const addresses = await netlinker.addresses('doublezero0');
  t.deepEqual(addresses, [{address: ipv4(0xa9fe0001), length: 31, scope: 'link'}]);
});

test('an interface of that name with other endpoints is a conflict and is left alone', async t => {
  const netlinker = new MemoryNetlinker();
  await using world = openWorld(netlinker);
  const tunnel = {name: 'doublezero0', local: ipv4(0xc0000201), remote: ipv4(0xc00002ff), ttl: 64, mtu: 1476};
  await netlinker.tunnelAdd(tunnel);
  const before = await world.snapshot();
  t.is(await reasonOf(world.manager.provision(samples.ibrl)), 'interface-conflict');
  t.deepEqual(await world.snapshot(), before);
});

test('an interface that somebody put in our place is not deleted', async t => {
  const netlinker = new MemoryNetlinker();
  await using world = openWorld(netlinker);
  await world.manager.provision(samples.ibrl);
  await netlinker.tunnelDelete('doublezero0');
  const tunnel = {name: 'doublezero0', local: ipv4(0xc0000201), remote: ipv4(0xc00002ff), ttl: 64, mtu: 1476};
  await netlinker.tunnelAdd(tunnel);
  await world.manager.remove('doublezero0');
  t.like(await netlinker.link('doublezero0'), {tunnel});
});

test('a kernel without GRE and a process without the capability are told apart', async t => {
  const capabilities = {gre: false, netAdmin: true, socketAbort: false};
  await using noGre = openWorld(new MemoryNetlinker({capabilities}));
  t.is(await reasonOf(noGre.manager.provision(samples.ibrl)), 'gre-unsupported');
  await using noCapability = openWorld(new MemoryNetlinker({capabilities: {...capabilities, netAdmin: false}}));
  t.is(await reasonOf(noCapability.manager.provision(samples.ibrl)), 'missing-capability');
});

test('changes of a slot run one after the other, reads meanwhile answer at once', async t => {
  await using world = openWorld();
  const provisioning = world.manager.provision(samples.ibrl);
  const removing = world.manager.remove('doublezero0');
  await new Promise(setImmediate);
  t.deepEqual(await provisioning.then(({state}) => state), 'up');
  await removing;
  t.deepEqual(world.manager.list(), []);
});

test('a caller that gave up while it waited leaves no trace', async t => {
  await using world = openWorld();
  const caller = new AbortController();
  const first = world.manager.provision(samples.multicast);
  const second = world.manager.remove('doublezero1', {signal: caller.signal});
  caller.abort();
  await t.throwsAsync(second, {instanceOf: NotStarted});
  t.like(await first, {state: 'up'});
  t.is(world.manager.list().length, 1);
});

test('draining finishes what runs, refuses what comes, and tears down', async t => {
  await using world = openWorld();
  const before = await world.snapshot();
  const running = world.manager.provision(samples.ibrl);
  const drained = world.manager.drain({teardown: true});
  t.is(await reasonOf(world.manager.provision(samples.multicast)), 'draining');
  await running.catch(() => undefined);
  await drained;
  t.deepEqual(await world.snapshot(), before);
});

test('draining can leave the tunnels', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.ibrl);
  const running = await world.snapshot();
  await world.manager.drain({teardown: false});
  t.deepEqual(await world.snapshot(), running);
});

test('ResolveRoute says what the kernel would do, and which tunnel that leads through', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  t.like(await world.manager.resolveRoute('233.84.178.1'), {interface: 'doublezero1', tunnel: 'doublezero1'});
  t.like(await world.manager.resolveRoute('192.0.2.77'), {source: ipv4(0xc0000201), tunnel: undefined});
  t.deepEqual(await fieldsOf(world.manager.resolveRoute('nowhere')), ['destination']);
  await using island = openWorld(new MemoryNetlinker({interfaces: [], routes: []}));
  t.deepEqual(await island.manager.resolveRoute('192.0.2.77'), {});
});
