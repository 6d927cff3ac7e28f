import test from 'ava';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {type SampleName, sampleNames, samples} from '../../samples.js';
import {openWorld} from '../../world.js';

const setUp: Record<SampleName, string[]> = {
  ibrl: [
    'tunnelAdd doublezero0 192.0.2.1 192.0.2.2',
    'addressAdd doublezero0 169.254.0.1/31 scope link',
    'tunnelUp doublezero0',
  ],
  ibrlWithAllocatedIp: [
    'tunnelAdd doublezero0 192.0.2.1 192.0.2.2',
    'addressAdd doublezero0 169.254.0.1/31 scope link',
    'tunnelUp doublezero0',
    'addressAdd doublezero0 10.99.0.1/32 scope universe',
  ],
  edgeFiltering: [
    'tunnelAdd doublezero0 192.0.2.1 192.0.2.2',
    'addressAdd doublezero0 169.254.0.1/31 scope link',
    'tunnelUp doublezero0',
    'addressAdd doublezero0 10.99.0.1/32 scope universe',
    'ruleAdd 100 from all to 203.0.113.0/24 lookup 100',
    'ruleAdd 101 from 203.0.113.0/24 to all lookup 101',
    'ruleAdd 100 from all to 198.51.100.0/25 lookup 100',
    'ruleAdd 101 from 198.51.100.0/25 to all lookup 101',
    'routesReplace 0.0.0.0/0 via 169.254.0.0 dev doublezero0 table 101 proto 3 src 10.99.0.1',
  ],
  multicast: [
    'tunnelAdd doublezero1 192.0.2.1 192.0.2.3',
    'addressAdd doublezero1 169.254.0.3/31 scope link',
    'tunnelUp doublezero1',
    'addressAdd doublezero1 10.99.0.9/32 scope universe',
    'routesReplace 233.84.178.1/32 via 169.254.0.2 dev doublezero1 table 254 proto 4 src 10.99.0.9',
    'routesReplace 233.84.178.3/32 via 169.254.0.2 dev doublezero1 table 254 proto 4 src 10.99.0.9',
    'routesReplace 233.84.178.2/32 via 169.254.0.2 dev doublezero1 table 254 proto 4',
  ],
  subscriber: [
    'tunnelAdd doublezero1 192.0.2.1 192.0.2.3',
    'addressAdd doublezero1 169.254.0.3/31 scope link',
    'tunnelUp doublezero1',
    'routesReplace 233.84.178.2/32 via 169.254.0.2 dev doublezero1 table 254 proto 4',
  ],
};

const interfaceOf = (sample: SampleName) =>
  samples[sample].serviceType === 'multicast' ? 'doublezero1' : 'doublezero0';

const setsUp = test.macro({
  title: (_given, sample: SampleName) => `${sample} is set up in the order of kernel-state parity`,
  async exec(t, sample: SampleName) {
    await using world = openWorld();
    await world.manager.provision(samples[sample]);
    t.deepEqual(world.kernel.calls, setUp[sample]);
    t.deepEqual(world.bgp.calls, [`addPeer ${interfaceOf(sample)}`]);
  },
});

const lowersFirst = test.macro({
  title: (_given, sample: SampleName) => `teardown of ${sample} lowers the tunnel before deleting it`,
  async exec(t, sample: SampleName) {
    await using world = openWorld();
    const before = await world.snapshot();
    await world.manager.provision(samples[sample]);
    world.kernel.calls.length = 0;
    const steps = await world.manager.remove(interfaceOf(sample));
    const name = interfaceOf(sample);
    const tunnelCalls = world.kernel.calls.filter(call => call.startsWith('tunnel'));
    t.deepEqual(tunnelCalls, [`tunnelDown ${name}`, `tunnelDelete ${name}`]);
    t.deepEqual(
      steps.map(({step}) => step).filter(step => /^(bgp|tunnel)_/.test(step)),
      ['bgp_peer_delete', 'tunnel_down', 'tunnel_delete'],
    );
    t.true(steps.every(({ok}) => ok));
    t.deepEqual(await world.snapshot(), before);
    t.is(world.bgp.peers.size, 0);
  },
});

const downFails = test.macro({
  title: (_given, sample: SampleName) => `a tunnel_down that fails is reported and does not save ${sample}`,
  async exec(t, sample: SampleName) {
    await using world = openWorld();
    const before = await world.snapshot();
    await world.manager.provision(samples[sample]);
    world.kernel.fail('tunnelDown', 1, 'EBUSY');
    const steps = await world.manager.remove(interfaceOf(sample));
    t.like(
      steps.find(({step}) => step === 'tunnel_down'),
      {ok: false, error: 'tunnelDown: EBUSY'},
    );
    t.like(
      steps.find(({step}) => step === 'tunnel_delete'),
      {ok: true, error: ''},
    );
    t.deepEqual(await world.snapshot(), before);
    t.deepEqual(world.manager.list(), []);
  },
});

for (const sample of sampleNames) {
  test(setsUp, sample);
  test(lowersFirst, sample);
  test(downFails, sample);
}

const peerText = async (sample: SampleName) => {
  await using world = openWorld();
  await world.manager.provision(samples[sample]);
  const {nlri, routeSource, table, noInstall, noUninstall} = [...world.bgp.peers.values()][0] ?? {};
  return {
    nlri: nlri?.map(({address, length}) => `${address.toString(16)}/${length}`),
    routeSource,
    table,
    noInstall,
    noUninstall,
  };
};

const [host, allocated, publisher] = [0xc0000201, 0x0a630001, 0x0a630009];
const routing: Record<SampleName, object> = {
  ibrl: {nlri: ['c0000201/32'], routeSource: host, table: 254, noInstall: false, noUninstall: false},
  ibrlWithAllocatedIp: {nlri: ['a630001/32'], routeSource: allocated, table: 254, noInstall: false, noUninstall: true},
  edgeFiltering: {nlri: ['a630001/32'], routeSource: allocated, table: 100, noInstall: false, noUninstall: false},
  multicast: {nlri: ['a630009/32'], routeSource: publisher, table: 254, noInstall: true, noUninstall: false},
  subscriber: {nlri: [], routeSource: undefined, table: 254, noInstall: true, noUninstall: false},
};
for (const sample of sampleNames) {
  test(`${sample} tells BGP what to advertise and where routes go`, async t => {
    t.deepEqual(await peerText(sample), routing[sample]);
  });
}

/** Whether the peer that a daemon adds is one that a former run had, whose tunnel `meanwhile` may have been changed. */
async function isResumed(sample: SampleName, meanwhile: (kernel: MemoryNetlinker) => Promise<void>) {
  const kernel = new MemoryNetlinker();
  await using former = openWorld(kernel);
  await former.manager.provision(samples[sample]);
  await meanwhile(kernel);
  await using next = openWorld(kernel);
  await next.manager.provision(samples[sample]);
  return next.bgp.peers.get(interfaceOf(sample))?.resumed;
}

for (const sample of sampleNames) {
  test(`${sample} tells BGP whether its tunnel outlived a former run`, async t => {
    const name = interfaceOf(sample);
    t.true(await isResumed(sample, async () => undefined));
    t.false(await isResumed(sample, kernel => kernel.tunnelDown(name)), 'nobody got through for a while');
    t.false(await isResumed(sample, kernel => kernel.tunnelDelete(name)));
    t.false(
      await isResumed(sample, async kernel => {
        for (const address of await kernel.addresses(name)) await kernel.addressDelete(name, address);
      }),
    );
  });
}

test('an update that sets the tunnel up anew tells BGP so', async t => {
  await using world = openWorld();
  const {name} = await world.manager.provision(samples.ibrl);
  await world.manager.update({...samples.ibrl, bgpRemoteAsn: 65_002});
  t.deepEqual(world.bgp.calls, [`addPeer ${name}`, `deletePeer ${name}`, `addPeer ${name}`]);
  t.false(world.bgp.peers.get(name)?.resumed);
});
