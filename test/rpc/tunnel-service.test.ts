import test from 'ava';
import {ordinaryHost} from '../../src/netlink/memory/host.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {type Tunnel, TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {Refusal, specs} from './controller.js';
import {openService} from './service-world.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const {ibrl, edgeFiltering, multicast} = specs;

type Steps = readonly {readonly step: string; readonly ok: boolean; readonly error: string}[];

/** What became of the steps that take something out of the kernel, in their order; teardown has more around them. */
const removals = (steps: Steps) =>
  steps
    .filter(({step}) => /^(rules|routes|bgp_peer|tunnel)_(delete|down)$/.test(step))
    .map(({step, ok, error}) => (ok && error === '' ? step : `${step}: ${error}`));

/** The tunnel without what counts on by itself: the interface's and the multicast signalling's numbers. */
const lasting = ({link: _, multicast: __, bgpSession: ___, ...tunnel}: Tunnel) => tunnel;

test('ProvisionTunnel answers with everything there is to know of the tunnel', async t => {
  await using service = await openService();
  const before = Date.now();
  const {uid, etag, createTime, updateTime, bgpSession, link, ...tunnel} = await service.provision(ibrl);
  t.deepEqual(tunnel, {
    name: 'doublezero0',
    spec: {...ibrl, bgpLocalAsn: 65000, bgpRemoteAsn: 65001},
    state: TunnelState.TUNNEL_STATE_UP,
    localOverlay: '169.254.0.1',
    remoteOverlay: '169.254.0.0',
    lastError: '',
    multicast: undefined,
  });
  t.regex(uid, uuid);
  t.regex(etag, /^[\w-]{16}$/);
  t.true(Number(createTime) >= before && Number(createTime) <= Date.now());
  t.deepEqual(updateTime, createTime);
  t.deepEqual(link, {
    index: 3,
    mtu: 1476,
    adminUp: true,
    operState: 'unknown',
    rxBytes: 0n,
    txBytes: 0n,
    rxPackets: 0n,
    txPackets: 0n,
    rxErrors: 0n,
    txErrors: 0n,
  });
  t.true(Number(bgpSession?.lastUpdate) >= before);
  t.deepEqual(bgpSession && {...bgpSession, lastUpdate: undefined}, {
    state: BgpSessionState.BGP_SESSION_STATE_PENDING,
    lastUpdate: undefined,
    localAddress: '169.254.0.1',
    peerAddress: '169.254.0.0',
    localAsn: 65000,
    peerAsn: 65001,
    holdTime: undefined,
    routesReceived: 0,
    routesInstalled: 0,
    lastError: '',
    establishedTime: undefined,
  });
});

for (const [name, spec] of Object.entries(specs)) {
  test(`${name} comes back as it was sent, defaults filled in, and goes again`, async t => {
    await using service = await openService();
    const tunnel = await service.provision(spec);
    const isMulticast = tunnel.name === 'doublezero1';
    t.deepEqual(tunnel.spec, {
      ...spec,
      bgpLocalAsn: 65000,
      bgpRemoteAsn: 65001,
      mcastRpAddress: isMulticast ? '10.0.0.0' : '',
    });
    t.deepEqual(lasting(await service.get(tunnel.name)), lasting(tunnel));
    t.deepEqual((await service.list()).map(lasting), [lasting(tunnel)]);
    const {steps} = await service.remove(tunnel.name);
    t.deepEqual(removals(steps).slice(-3), ['bgp_peer_delete', 'tunnel_down', 'tunnel_delete']);
    t.deepEqual(await service.list(), []);
  });
}

test('an empty source is the one the kernel would use, and the answer names it', async t => {
  await using service = await openService();
  t.is((await service.provision({...ibrl, tunnelSrc: ''})).spec?.tunnelSrc, '192.0.2.1');
});

test('the same spec again changes nothing and answers with the running tunnel', async t => {
  await using service = await openService();
  const first = await service.provision(edgeFiltering);
  const calls = [...service.kernel.calls];
  const doublezeroPrefixes = [...edgeFiltering.doublezeroPrefixes].reverse();
  t.deepEqual(await service.provision({...edgeFiltering, doublezeroPrefixes, bgpLocalAsn: 65000}), first);
  t.deepEqual(await service.update(edgeFiltering), first);
  t.deepEqual(service.kernel.calls, calls);
});

test('validate_only answers with the tunnel as it would be and touches nothing', async t => {
  await using service = await openService();
  const planned = await service.provision(ibrl, {validateOnly: true});
  t.like(planned, {
    name: 'doublezero0',
    uid: '',
    state: TunnelState.TUNNEL_STATE_UNSPECIFIED,
    createTime: undefined,
    link: undefined,
    spec: {bgpLocalAsn: 65000},
  });
  t.deepEqual(service.kernel.calls, []);
  t.deepEqual(await service.list(), []);

  const running = await service.provision(ibrl);
  t.is(running.etag, planned.etag);
  const calls = [...service.kernel.calls];
  const update = await service.update(edgeFiltering, {validateOnly: true});
  t.like(update, {uid: running.uid, state: TunnelState.TUNNEL_STATE_UNSPECIFIED, spec: edgeFilteringAsPlanned});
  t.not(update.etag, running.etag);
  t.deepEqual(service.kernel.calls, calls);
  t.deepEqual(await service.get('doublezero0'), running);
  t.like(await t.throwsAsync(service.provision({...ibrl, tunnelDst: ''}, {validateOnly: true})), {
    code: 'INVALID_ARGUMENT',
  });
});
const edgeFilteringAsPlanned = {serviceType: edgeFiltering.serviceType, doublezeroIp: edgeFiltering.doublezeroIp};

test('UpdateTunnel moves groups in place: same tunnel, new etag', async t => {
  await using service = await openService();
  const before = await service.provision(multicast);
  const calls = service.kernel.calls.length;
  const after = await service.update({...multicast, mcastSubGroups: ['233.84.178.9']}, {etag: before.etag});
  t.like(after, {uid: before.uid, createTime: before.createTime, spec: {mcastSubGroups: ['233.84.178.9']}});
  t.not(after.etag, before.etag);
  t.true(service.kernel.calls.slice(calls).every(call => call.startsWith('routes')));
  t.deepEqual(lasting(await service.get('doublezero1')), lasting(after));
});

test('UpdateTunnel sets up anew what cannot be changed in place', async t => {
  await using service = await openService();
  const before = await service.provision(ibrl);
  const after = await service.update(edgeFiltering);
  t.like(after, {name: 'doublezero0', uid: before.uid, state: TunnelState.TUNNEL_STATE_UP});
  t.not(after.etag, before.etag);
  t.deepEqual(
    service.kernel.calls.filter(call => /^tunnel(Down|Delete|Add)/.test(call)).map(call => call.split(' ')[0]),
    ['tunnelAdd', 'tunnelDown', 'tunnelDelete', 'tunnelAdd'],
  );
});

test('UpdateTunnel with allow_missing creates what is not there', async t => {
  await using service = await openService();
  t.is((await service.update(ibrl, {allowMissing: true})).state, TunnelState.TUNNEL_STATE_UP);
});

test('the current etag is accepted, by RemoveTunnel too', async t => {
  await using service = await openService();
  const {etag} = await service.provision(ibrl);
  const updated = await service.update({...ibrl, bgpLocalAsn: 65010}, {etag});
  t.true(removals((await service.remove('doublezero0', {etag: updated.etag})).steps).includes('tunnel_delete'));
});

test('RemoveTunnel reports every step in the order it ran, with its duration', async t => {
  await using service = await openService();
  await service.provision(edgeFiltering);
  const {steps} = await service.remove('doublezero0');
  const names = ['rules_delete', 'routes_delete', 'bgp_peer_delete', 'tunnel_down', 'tunnel_delete'];
  t.deepEqual(removals(steps), names);
  t.is(new Set(steps.map(({step}) => step)).size, steps.length);
  t.true(steps.every(({ok, error}) => ok && error === ''));
  for (const {duration} of steps) t.true(duration !== undefined && duration.seconds === 0n && duration.nanos >= 0);
});

test('a tunnel that cannot be lowered is deleted all the same, and the report says so', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  service.kernel.fail('tunnelDown', 1, 'EBUSY');
  const {steps} = await service.remove('doublezero0');
  t.deepEqual(removals(steps), ['rules_delete', 'bgp_peer_delete', 'tunnel_down: tunnelDown: EBUSY', 'tunnel_delete']);
  t.is(await service.kernel.netlinker.link('doublezero0'), undefined);
});

test('RemoveTunnel with allow_missing is content with nothing, and says nothing was done', async t => {
  await using service = await openService();
  t.deepEqual(await service.remove('doublezero1', {allowMissing: true}), {steps: []});
});

test('an interface that someone else has deleted is no error for RemoveTunnel', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  await service.kernel.netlinker.tunnelDelete('doublezero0');
  t.true((await service.remove('doublezero0')).steps.every(({ok}) => ok));
});

test('ListTunnels lists both slots by name', async t => {
  await using service = await openService();
  const second = await service.provision(multicast);
  const first = await service.provision(ibrl);
  t.deepEqual((await service.list()).map(lasting), [first, second].map(lasting));
});

test('ListRoutes is an empty page for now', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  t.deepEqual(await service.routes(), {routes: [], nextPageToken: ''});
  t.deepEqual(await service.routes('doublezero0'), {routes: [], nextPageToken: ''});
});

test('ResolveRoute tells source, next hop and interface, and the tunnel where it leads through one', async t => {
  await using service = await openService();
  await service.provision(edgeFiltering);
  t.deepEqual(await service.resolve('198.18.0.1'), {
    source: '192.0.2.1',
    nextHop: '192.0.2.254',
    interface: 'eth0',
    tunnel: '',
  });
  t.deepEqual(await service.resolve('169.254.0.0'), {
    source: '169.254.0.1',
    nextHop: '',
    interface: 'doublezero0',
    tunnel: 'doublezero0',
  });
});

test('ResolveRoute is empty where the kernel has no route', async t => {
  await using service = await openService(new MemoryNetlinker({...ordinaryHost, routes: []}));
  t.deepEqual(await service.resolve('198.18.0.1'), {source: '', nextHop: '', interface: '', tunnel: ''});
});

test('GetDaemonInfo tells what the daemon is', async t => {
  await using service = await openService();
  t.deepEqual(await service.info(), {
    version: '1.2.3',
    startTime: service.startTime,
    network: 'testnet',
    netlinkBackend: 'memory',
    greSupported: true,
    socketAbortSupported: false,
    listeners: [service.address],
  });
});

test('a failed tunnel says what is wrong with it, and the next RemoveTunnel finishes the work', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  service.kernel.fail('tunnelDelete', 1, 'EBUSY');
  await t.throwsAsync(service.remove('doublezero0'), {instanceOf: Refusal});
  const failed = await service.get('doublezero0');
  t.is(failed.state, TunnelState.TUNNEL_STATE_FAILED);
  t.regex(failed.lastError, /tunnelDelete: EBUSY/);
  await service.remove('doublezero0');
  t.deepEqual(await service.list(), []);
});
