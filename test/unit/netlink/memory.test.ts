import test from 'ava';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {modelPrograms, socketsText} from '../../contract/netlinker/socket-plan.js';
import {address, device, ip, overlay, refuses, route, routesText, tunnel} from '../../contract/netlinker/world.js';

const capable = {netAdmin: true, gre: true, socketAbort: true};

test('it has the capabilities it is given', async t => {
  t.deepEqual(await new MemoryNetlinker().capabilities(), capable);
  const capabilities = {netAdmin: true, gre: false, socketAbort: false};
  t.deepEqual(await new MemoryNetlinker({capabilities}).capabilities(), capabilities);
});

test('without GRE no tunnel can be made', async t => {
  const netlinker = new MemoryNetlinker({capabilities: {...capable, gre: false}});
  await refuses(t, netlinker.tunnelAdd(tunnel), 'tunnelAdd', 'unsupported');
});

test('without CAP_NET_ADMIN everything can be read and nothing changed', async t => {
  const netlinker = new MemoryNetlinker({capabilities: {netAdmin: false, gre: false, socketAbort: false}});
  const rule = {priority: 100, table: 100, protocol: 2};
  await refuses(t, netlinker.tunnelAdd(tunnel), 'tunnelAdd', 'not-permitted');
  await refuses(t, netlinker.tunnelSetMtu('eth0', 1400), 'tunnelSetMtu', 'not-permitted');
  await refuses(t, netlinker.tunnelUp('eth0'), 'tunnelUp', 'not-permitted');
  await refuses(t, netlinker.tunnelDown('eth0'), 'tunnelDown', 'not-permitted');
  await refuses(t, netlinker.tunnelDelete('eth0'), 'tunnelDelete', 'not-permitted');
  await refuses(t, netlinker.addressAdd('eth0', overlay), 'addressAdd', 'not-permitted');
  await refuses(t, netlinker.addressDelete('eth0', address('192.0.2.1/24')), 'addressDelete', 'not-permitted');
  await refuses(t, netlinker.ruleAdd(rule), 'ruleAdd', 'not-permitted');
  await refuses(t, netlinker.ruleDelete(rule), 'ruleDelete', 'not-permitted');
  await refuses(t, netlinker.socketsAbort([ip('192.0.2.1')]), 'socketsAbort', 'unsupported');
  const refusals = [
    ...(await netlinker.routesReplace([route('11.0.0.1/32')])),
    ...(await netlinker.routesDelete([route('11.0.0.1/32')])),
  ];
  t.deepEqual(
    refusals.map(({error}) => error.kind),
    ['not-permitted', 'not-permitted'],
  );
  t.is((await netlinker.link('eth0'))?.adminUp, true);
  t.is((await netlinker.routeGet(ip('11.0.0.1'))).interface, 'eth0');
});

test('without CAP_NET_ADMIN sockets are listed and none is aborted', async t => {
  const programs = modelPrograms({reader: [{kind: 'udp', at: '192.0.2.1:20001'}]});
  const netlinker = new MemoryNetlinker({capabilities: {...capable, netAdmin: false}, programs});
  await refuses(t, netlinker.socketsAbort([ip('192.0.2.1')]), 'socketsAbort', 'not-permitted');
  t.deepEqual(socketsText(await netlinker.sockets([ip('192.0.2.1')])), ['udp close 192.0.2.1:20001']);
  t.deepEqual(await netlinker.socketsAbort([ip('192.0.2.2')]), []);
});

test('it can be another host than the ordinary one', async t => {
  const interfaces = [
    {name: 'wan', kind: 'vlan', mtu: 9000, up: true, addresses: [address('198.51.100.7/25')]},
    {name: device, mtu: 1500, up: false, addresses: []},
  ];
  const netlinker = new MemoryNetlinker({interfaces, routes: []});
  t.like(await netlinker.link('wan'), {kind: 'vlan', mtu: 9000, adminUp: true});
  t.like(await netlinker.link(device), {kind: undefined, tunnel: undefined, adminUp: false});
  t.is(await netlinker.link('eth0'), undefined);
  t.deepEqual(await routesText(netlinker, {}), ['198.51.100.0/25 dev wan table 254 proto 2 src 198.51.100.7']);
  await refuses(t, netlinker.routeGet(ip('11.0.0.1')), 'routeGet', 'missing');
});

test('two of them are two hosts', async t => {
  const [one, other] = [new MemoryNetlinker(), new MemoryNetlinker()];
  await one.tunnelAdd(tunnel);
  await one.addressAdd('eth0', overlay);
  t.is(await other.link(device), undefined);
  t.is((await other.addresses('eth0')).length, 1);
});

test('two tunnels may have the same subnet, and each loses only its own routes', async t => {
  const netlinker = new MemoryNetlinker();
  for (const [name, remote] of [
    ['doublezero0', '192.0.2.2'],
    ['doublezero1', '192.0.2.3'],
  ] as const) {
    await netlinker.tunnelAdd({...tunnel, name, remote: ip(remote)});
    await netlinker.addressAdd(name, overlay);
    await netlinker.tunnelUp(name);
  }
  await netlinker.tunnelDown('doublezero0');
  t.deepEqual(await routesText(netlinker, {}), [
    '0.0.0.0/0 via 192.0.2.254 dev eth0 table 254 proto 3',
    '169.254.0.0/31 dev doublezero1 table 254 proto 2 src 169.254.0.1',
    '192.0.2.0/24 dev eth0 table 254 proto 2 src 192.0.2.1',
  ]);
});
