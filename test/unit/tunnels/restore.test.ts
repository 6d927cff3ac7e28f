import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {type Ipv4Prefix, ipv4} from '../../../src/ip/ipv4.js';
import {type Route, routeProtocol, routeTable} from '../../../src/netlink/netlinker.js';
import {guard} from '../../../src/services/guard.js';
import type {TunnelSpec} from '../../../src/services/tunnel-spec.js';
import {FileJournal} from '../../../src/tunnels/journal.js';
import {parseSpec, type SpecInput} from '../../../src/tunnels/spec-parse.js';
import {type SampleName, sampleNames, samples} from '../../samples.js';
import {eventually} from '../bgp/loopback-world.js';
import {type Host, kernelText, openHost} from './crash-world.js';

const nameOf = (sample: SampleName) => (samples[sample].serviceType === 'multicast' ? 'doublezero1' : 'doublezero0');
const specOf = (input: SpecInput) => parseSpec(input) as TunnelSpec;

/** A host whose daemon provisioned the spec and ended without tearing it down. */
async function hostWith(input: SpecInput) {
  const host = await openHost();
  const {manager} = await host.start();
  const {uid, createTime, updateTime, etag} = await manager.provision(input);
  await manager[Symbol.asyncDispose]();
  return {host, identity: {uid, createTime, updateTime, etag}};
}

/** A daemon that has done what it does at the start, and every change it asked the kernel for. */
async function restart(host: Host, options: Parameters<Host['start']>[1] = {}) {
  const daemon = await host.start(host.kernel, options);
  await daemon.manager.restore();
  return daemon;
}

for (const sample of sampleNames) {
  test(`${sample}: where everything is as it should be, nothing is changed, and the tunnel keeps its identity`, async t => {
    const {host, identity} = await hostWith(samples[sample]);
    await using _host = host;
    const {manager, calls, bgp} = await restart(host);
    t.deepEqual(calls, []);
    t.like(manager.get(nameOf(sample)), {...identity, state: 'up', lastError: ''});
    t.true(bgp.peers.get(nameOf(sample))?.resumed);
  });
}

const prefix = (address: number, length: number): Ipv4Prefix => ({address: ipv4(address), length});

/** What somebody does while the daemon is away, and the only changes that make good for it. */
const damages: Record<string, {sample: SampleName; damage: (host: Host) => Promise<unknown>; mended: RegExp[]}> = {
  'a missing overlay address is added, and the device stays up': {
    sample: 'ibrlWithAllocatedIp',
    damage: ({kernel}) => kernel.addressDelete('doublezero0', {...prefix(0xa9fe0001, 31), scope: 'link'}),
    mended: [/^addressAdd doublezero0 169.254.0.1\/31 scope link$/],
  },
  'a missing DoubleZero IP is added': {
    sample: 'multicast',
    damage: ({kernel}) => kernel.addressDelete('doublezero1', {...prefix(0x0a630009, 32), scope: 'universe'}),
    // Linux takes the routes along that prefer the address.
    mended: [/^addressAdd doublezero1 10.99.0.9\/32/, /^routesReplace 233.84.178.1/, /^routesReplace 233.84.178.3/],
  },
  'an address of another scope is replaced': {
    sample: 'ibrlWithAllocatedIp',
    async damage({kernel}) {
      await kernel.addressDelete('doublezero0', {...prefix(0x0a630001, 32), scope: 'universe'});
      await kernel.addressAdd('doublezero0', {...prefix(0x0a630001, 32), scope: 'link'});
    },
    mended: [
      /^addressDelete doublezero0 10.99.0.1\/32 scope link/,
      /^addressAdd doublezero0 10.99.0.1\/32 scope universe/,
      /^routesReplace 11\./,
      /^routesReplace 11\./,
    ],
  },
  'another MTU is set back': {
    sample: 'ibrl',
    damage: ({kernel}) => kernel.tunnelSetMtu('doublezero0', 1400),
    mended: [/^tunnelSetMtu doublezero0 1476$/],
  },
  'a missing rule is added, and only that': {
    sample: 'edgeFiltering',
    damage: async ({kernel}) => kernel.ruleDelete((await kernel.rules()).find(rule => rule.priority === 101) as never),
    mended: [/^ruleAdd 101 from 203.0.113.0\/24/],
  },
  'a rule that nobody wants any more is deleted': {
    sample: 'edgeFiltering',
    damage: ({kernel}) => kernel.ruleAdd({priority: 100, table: 100, protocol: 2, destination: prefix(0x0a0a0000, 16)}),
    mended: [/^ruleDelete 100 from all to 10.10.0.0\/16/],
  },
  'a missing group route is added, and only that': {
    sample: 'multicast',
    damage: async ({kernel}) => kernel.routesDelete((await kernel.routes({protocol: 4})).slice(0, 1)),
    mended: [/^routesReplace 233.84.178.1\/32/],
  },
  'a route to a group that is left is deleted': {
    sample: 'subscriber',
    damage: async ({kernel}) => {
      const [route] = await kernel.routes({protocol: routeProtocol.static});
      return kernel.routesReplace([{...(route as Route), destination: prefix(0xe954b209, 32)}]);
    },
    mended: [/^routesDelete 233.84.178.9\/32/],
  },
  'the route to the device, which the kernel made, is put back': {
    sample: 'edgeFiltering',
    damage: async ({kernel}) =>
      kernel.routesDelete(await kernel.routes({protocol: routeProtocol.kernel, interface: 'doublezero0'})),
    mended: [/^routesReplace 169.254.0.0\/31 dev doublezero0 table 254 proto 2 src 169.254.0.1$/],
  },
  'a learned route in a table of another service is deleted': {
    sample: 'edgeFiltering',
    damage: async ({kernel}) => {
      const [route] = await kernel.routes({protocol: routeProtocol.bgp});
      return kernel.routesReplace([{...(route as Route), table: routeTable.main}]);
    },
    mended: [/^routesDelete 11\.0\.0\.1\/32 .* table 254 proto 186/],
  },
  'guards of a teardown that did not get to its end are removed': {
    sample: 'ibrlWithAllocatedIp',
    async damage({kernel}) {
      await kernel.ruleAdd(guard(ipv4(0x0a630001)));
      await kernel.ruleAdd(guard(ipv4(0xa9fe0001)));
      await kernel.ruleAdd(guard(ipv4(0x0a636363)));
    },
    mended: [/^ruleDelete 99 from/, /^ruleDelete 99 from/, /^ruleDelete 99 from/],
  },
};

for (const [title, {sample, damage, mended}] of Object.entries(damages)) {
  test(title, async t => {
    const {host} = await hostWith(samples[sample]);
    await using _host = host;
    const before = await kernelText(host.kernel);
    await damage(host);
    t.notDeepEqual(await kernelText(host.kernel), before);
    const {manager, calls} = await restart(host);
    t.deepEqual(await kernelText(host.kernel), before);
    t.is(calls.length, mended.length, calls.join('\n'));
    for (const [index, pattern] of mended.entries()) t.regex(calls[index] ?? '', pattern);
    t.like(manager.list()[0], {state: 'up', lastError: ''});
  });
}

for (const sample of sampleNames) {
  test(`${sample}: a device that is gone is made again, with all that belongs to it`, async t => {
    const {host, identity} = await hostWith(samples[sample]);
    await using _host = host;
    const before = await kernelText(host.kernel);
    await host.kernel.tunnelDelete(nameOf(sample));
    const {manager, bgp} = await restart(host);
    t.deepEqual(await kernelText(host.kernel), before);
    t.like(manager.get(nameOf(sample)), {...identity, state: 'up'});
    t.false(bgp.peers.get(nameOf(sample))?.resumed);
  });
}

for (const sample of sampleNames) {
  test(`${sample}: a device that somebody has set down meanwhile stays down until they raise it`, async t => {
    const {host, identity} = await hostWith(samples[sample]);
    await using _host = host;
    const name = nameOf(sample);
    const before = await kernelText(host.kernel);
    await host.kernel.tunnelDown(name);
    for (let start = 1; start <= 2; start++) {
      const {manager, calls, bgp} = await restart(host);
      const held = {
        ...identity,
        state: 'degraded',
        lastError: `interface ${name} was set down by somebody else`,
      } as const;
      t.like(manager.get(name), held);
      t.like(await manager.provision(samples[sample]), held, 'asked for again');
      await delay(1200); // two looks of the drift monitor
      t.deepEqual(calls, []);
      t.like(manager.get(name), held);
      t.is(bgp.session(name), undefined);
      if (start === 1) {
        await manager[Symbol.asyncDispose]();
        continue;
      }
      await host.kernel.tunnelUp(name);
      await eventually('it is brought back', () => manager.get(name).state === 'up');
      t.like(manager.get(name), {...identity, lastError: ''});
      t.not(bgp.session(name), undefined);
      t.deepEqual(await kernelText(host.kernel), before);
    }
  });
}

test('a device set down with --repair=off stays down too, and one deleted after that is made again', async t => {
  const {host} = await hostWith(samples.ibrl);
  await using _host = host;
  const before = await kernelText(host.kernel);
  await host.kernel.tunnelDown('doublezero0');
  const {manager, calls} = await restart(host, {repair: false});
  await delay(1200);
  t.deepEqual(calls, []);
  await host.kernel.tunnelDelete('doublezero0');
  await eventually('it is brought back', () => manager.get('doublezero0').state === 'up');
  t.deepEqual(await kernelText(host.kernel), before);
});

test('a device that a teardown had set down is raised', async t => {
  const {host} = await hostWith(samples.ibrl);
  await using _host = host;
  const before = await kernelText(host.kernel);
  await host.kernel.ruleAdd(guard(ipv4(0xa9fe0001)));
  await host.kernel.tunnelDown('doublezero0');
  const {manager} = await restart(host);
  t.is(manager.get('doublezero0').state, 'up');
  t.deepEqual(await kernelText(host.kernel), before);
});

test('a device whose repair was cut short before it was raised is raised', async t => {
  await using host = await openHost();
  const daemon = await host.start();
  await daemon.manager.provision(samples.ibrl);
  const before = await kernelText(host.kernel);
  daemon.dieWith({nth: 2, when: 'after'});
  await host.kernel.tunnelDelete('doublezero0');
  await daemon.died;
  t.false((await host.kernel.link('doublezero0'))?.adminUp);
  const {manager} = await restart(host);
  t.is(manager.get('doublezero0').state, 'up');
  t.deepEqual(await kernelText(host.kernel), before);
});

test('what operators have put on the device of their own is left alone', async t => {
  const {host} = await hostWith(samples.ibrl);
  await using _host = host;
  const own: Route = {
    destination: prefix(0x0a140000, 16),
    table: routeTable.main,
    protocol: routeProtocol.boot,
    gateway: ipv4(0xa9fe0000),
    interface: 'doublezero0',
  };
  t.deepEqual(await host.kernel.routesReplace([own]), []);
  await host.kernel.ruleAdd({priority: 100, table: 100, protocol: 4, destination: prefix(0x0a0a0000, 16)});
  const before = await kernelText(host.kernel);
  t.deepEqual((await restart(host)).calls, []);
  t.deepEqual(await kernelText(host.kernel), before);
});

test('a tunnel that the journal condemns is taken out, and then the entry', async t => {
  const {host} = await hostWith(samples.edgeFiltering);
  await using _host = host;
  const clean = await openHost();
  const journal = await FileJournal.open(host.stateDir, () => t.fail());
  const [entry] = journal.restored ?? [];
  if (!entry) throw new Error('nothing in the journal');
  await journal.put({...entry, doomed: true});
  const {manager} = await restart(host);
  t.deepEqual(manager.list(), []);
  t.deepEqual(await kernelText(host.kernel), await kernelText(clean.kernel));
  t.deepEqual((await FileJournal.open(host.stateDir, () => t.fail())).restored, []);
  await clean[Symbol.asyncDispose]();
});

test('of an update that a crash cut short the device of the former spec is taken out', async t => {
  const {host, identity} = await hostWith({...samples.ibrl, tunnelDst: '192.0.2.77', tunnelNet: '169.254.8.0/31'});
  await using _host = host;
  const journal = await FileJournal.open(host.stateDir, () => t.fail());
  const [entry] = journal.restored ?? [];
  if (!entry) throw new Error('nothing in the journal');
  await journal.put({...entry, spec: specOf(samples.edgeFiltering), former: entry.spec});
  const {manager} = await restart(host);
  t.like(manager.get('doublezero0'), {state: 'up', uid: identity.uid, spec: specOf(samples.edgeFiltering)});
  const {manager: again, calls} = await restart(host);
  t.deepEqual(calls, [], 'the second start finds all in order');
  t.is(again.get('doublezero0').state, 'up');
});

test('what is ours is removed where the journal wants nothing in the slot', async t => {
  const {host} = await hostWith(samples.edgeFiltering);
  await using _host = host;
  await using clean = await openHost();
  await (await FileJournal.open(host.stateDir, () => t.fail())).delete('doublezero0');
  const {manager} = await restart(host);
  t.deepEqual(manager.list(), []);
  t.deepEqual(await kernelText(host.kernel), await kernelText(clean.kernel));
});

test('an interface of the name that this program did not make is never removed', async t => {
  const {host} = await hostWith(samples.edgeFiltering);
  await using _host = host;
  await (await FileJournal.open(host.stateDir, () => t.fail())).delete('doublezero0');
  await host.kernel.tunnelDelete('doublezero0');
  await host.kernel.tunnelAdd({name: 'doublezero0', local: ipv4(1), remote: ipv4(2), ttl: 64, mtu: 1476});
  await restart(host);
  t.not(await host.kernel.link('doublezero0'), undefined);
});

test('without a journal a device is left alone: another program may have made it, and be about to be replaced', async t => {
  const {host} = await hostWith(samples.ibrl);
  await using _host = host;
  await using next = await openHost();
  const {manager} = await next.start(host.kernel);
  await manager.restore();
  t.true((await host.kernel.link('doublezero0'))?.adminUp);
});

test('a corrupt journal leaves the kernel alone, guards and all', async t => {
  const {host} = await hostWith(samples.edgeFiltering);
  await using _host = host;
  await host.kernel.ruleAdd(guard(ipv4(0x0a636363)));
  await host.spoilJournal();
  const before = await kernelText(host.kernel);
  await (await restart(host)).manager[Symbol.asyncDispose]();
  // The next start knows no more.
  const {manager, calls} = await restart(host);
  t.deepEqual(calls, []);
  t.deepEqual(manager.list(), []);
  t.deepEqual(await kernelText(host.kernel), before);
  // And a controller that asks for it again gets the very same tunnel, untouched.
  await manager.provision(samples.edgeFiltering);
  t.deepEqual(calls, []);
  t.deepEqual(await kernelText(host.kernel), before);
});

test('tunnels torn down because the daemon stops come back with the next start', async t => {
  await using host = await openHost();
  const first = await host.start();
  const {uid} = await first.manager.provision(samples.multicast);
  await first.manager.provision(samples.edgeFiltering);
  const before = await kernelText(host.kernel);
  await first.manager.drain({teardown: true});
  t.is(await host.kernel.link('doublezero0'), undefined);
  t.is(await host.kernel.link('doublezero1'), undefined);
  const {manager} = await restart(host);
  t.deepEqual(await kernelText(host.kernel), before);
  t.is(manager.get('doublezero1').uid, uid);
});

test('changes asked for at the start wait until what was there is restored; reads do not', async t => {
  const {host, identity} = await hostWith(samples.ibrl);
  await using _host = host;
  const {manager} = await host.start();
  const restored = manager.restore();
  const provisioned = manager.provision(samples.ibrl);
  t.like(manager.list()[0] ?? {}, {state: 'provisioning', uid: identity.uid});
  t.is((await provisioned).uid, identity.uid);
  await restored;
});

test('a tunnel that cannot be restored is degraded, says why, and is tried again until it can', async t => {
  const {host, identity} = await hostWith(samples.edgeFiltering);
  await using _host = host;
  const before = await kernelText(host.kernel);
  await host.kernel.tunnelDelete('doublezero0');
  const {manager, fail, bgp} = await host.start();
  for (let nth = 1; nth <= 2; nth++) fail('addressAdd', nth, 'ENOMEM');
  await manager.restore();
  t.like(manager.get('doublezero0'), {state: 'degraded', ...identity});
  t.is(manager.get('doublezero0').lastError, 'not restored yet: addressAdd: ENOMEM');
  t.is(bgp.session('doublezero0'), undefined);
  await eventually('the second attempt fails', () =>
    /^repair failed: addressAdd/.test(manager.get('doublezero0').lastError),
  );
  await eventually('the third attempt succeeds', () => manager.get('doublezero0').state === 'up');
  t.deepEqual(await kernelText(host.kernel), before);
  t.not(bgp.session('doublezero0'), undefined);
  t.like(manager.get('doublezero0'), {...identity, lastError: ''});
});

test('one whose kernel is in order but whose BGP peer could not be added is not taken for restored', async t => {
  const {host} = await hostWith(samples.ibrl);
  await using _host = host;
  const {manager, bgp} = await host.start();
  const {addPeer} = bgp;
  bgp.addPeer = async () => {
    bgp.addPeer = addPeer;
    throw new Error('not now');
  };
  await manager.restore();
  t.is(manager.get('doublezero0').lastError, 'not restored yet: not now');
  await eventually('it is restored', () => manager.get('doublezero0').state === 'up');
  t.not(bgp.session('doublezero0'), undefined);
});

test('a former device that cannot be deleted yet is deleted later, and the new one set up then', async t => {
  const {host} = await hostWith({...samples.ibrl, tunnelDst: '192.0.2.77', tunnelNet: '169.254.8.0/31'});
  await using _host = host;
  const journal = await FileJournal.open(host.stateDir, () => t.fail());
  const [entry] = journal.restored ?? [];
  if (!entry) throw new Error('nothing in the journal');
  await journal.put({...entry, spec: specOf(samples.ibrl), former: entry.spec});
  const {manager, fail} = await host.start();
  fail('tunnelDelete', 1, 'EBUSY');
  await manager.restore();
  t.like(manager.get('doublezero0'), {state: 'degraded', lastError: 'not restored yet: tunnelDelete: EBUSY'});
  await eventually('it is restored', () => manager.get('doublezero0').state === 'up');
  await manager.provision(samples.ibrl); // waits for its turn behind the repair
  const link = await host.kernel.link('doublezero0');
  t.is(link?.tunnel?.remote, specOf(samples.ibrl).tunnelDst);
  const [kept] = (await FileJournal.open(host.stateDir, () => t.fail())).restored ?? [];
  t.is(kept?.former, undefined);
});
