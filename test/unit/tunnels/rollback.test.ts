import test from 'ava';
import type {Operation} from '../../../src/netlink/netlinker.js';
import {TunnelError} from '../../../src/tunnels/errors.js';
import {type SampleName, sampleNames, samples} from '../../samples.js';
import {openWorld} from '../../world.js';

const nameOf = (sample: SampleName) => (samples[sample].serviceType === 'multicast' ? 'doublezero1' : 'doublezero0');

/** The kernel operations of a set-up, each with how often it has been called by then. */
async function operationsOf(sample: SampleName): Promise<{operation: Operation; nth: number}[]> {
  await using world = openWorld();
  await world.manager.provision(samples[sample]);
  const counts = new Map<string, number>();
  const batches = new Set<string>();
  return world.kernel.calls.flatMap(call => {
    const [operation = ''] = call.split(' ');
    // A batch of routes is one operation.
    if (operation.startsWith('routes') && batches.has(operation)) return [];
    batches.add(operation);
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
    return [{operation: operation as Operation, nth: counts.get(operation) ?? 0}];
  });
}

const rollsBack = test.macro({
  title: (_given, sample: SampleName) => `whichever operation of ${sample} fails, the kernel is left as it was`,
  async exec(t, sample: SampleName) {
    const operations = await operationsOf(sample);
    t.true(operations.length >= 3);
    for (const {operation, nth} of operations) {
      await using world = openWorld();
      const before = await world.snapshot();
      world.kernel.fail(operation, nth, 'ENOMEM');
      const error = await t.throwsAsync(world.manager.provision(samples[sample]), {instanceOf: TunnelError});
      t.is(error.reason, 'netlink-error');
      t.deepEqual(error.metadata, {operation, errno: 'ENOMEM'});
      t.deepEqual(await world.snapshot(), before, `${operation} ${nth}`);
      t.deepEqual(world.manager.list(), []);
      t.is(world.bgp.peers.size, 0);
    }
  },
});

const recovers = test.macro({
  title: (_given, sample: SampleName) =>
    `what a failed rollback of ${sample} leaves is cleared away by the next provision`,
  async exec(t, sample: SampleName) {
    await using world = openWorld();
    const before = await world.snapshot();
    world.kernel.fail('tunnelUp', 1, 'ENOMEM');
    world.kernel.fail('tunnelDelete', 1, 'EBUSY');
    await t.throwsAsync(world.manager.provision(samples[sample]), {message: /ENOMEM; undoing it failed too: .*EBUSY/});
    t.like(world.manager.get(nameOf(sample)), {state: 'failed'});
    t.is((await world.manager.provision(samples[sample])).state, 'up');
    await world.manager.remove(nameOf(sample));
    t.deepEqual(await world.snapshot(), before);
  },
});

for (const sample of sampleNames) {
  test(rollsBack, sample);
  test(recovers, sample);
}

test('a rule that could not be deleted is not forgotten: the tunnel is failed, and the next removal finishes the work', async t => {
  await using world = openWorld();
  const before = await world.snapshot();
  await world.manager.provision(samples.edgeFiltering);
  world.kernel.fail('ruleDelete', 2, 'ENOMEM');
  const error = await t.throwsAsync(world.manager.remove('doublezero0'), {instanceOf: TunnelError});
  t.deepEqual(error.metadata, {operation: 'ruleDelete', errno: 'ENOMEM'});
  t.deepEqual(
    error.report?.filter(({ok}) => !ok).map(({step}) => step),
    ['rules_delete'],
  );
  t.like(world.manager.get('doublezero0'), {state: 'failed'});
  t.regex(world.manager.get('doublezero0').lastError, /ruleDelete: ENOMEM/);
  await world.manager.remove('doublezero0');
  t.deepEqual(await world.snapshot(), before);
});

test('rules left by a crash are swept by the next unicast tunnel, whatever its type', async t => {
  await using world = openWorld();
  const stray = {priority: 100, table: 100, protocol: 2, destination: {address: 0x0a0a0000, length: 16}} as never;
  await world.kernel.netlinker.ruleAdd(stray);
  await world.manager.provision(samples.ibrl);
  t.false((await world.kernel.netlinker.rules()).some(({priority}) => priority === 100));
});

test('a rule of another program is left alone, even at the same priority', async t => {
  await using world = openWorld();
  const foreign = {priority: 100, table: 100, protocol: 4, destination: {address: 0x0a0a0000, length: 16}} as never;
  await world.kernel.netlinker.ruleAdd(foreign);
  await world.manager.provision(samples.edgeFiltering);
  await world.manager.remove('doublezero0');
  t.true((await world.kernel.netlinker.rules()).some(({priority}) => priority === 100));
});

test('an update that cannot be set up brings the former spec back', async t => {
  await using world = openWorld();
  const running = await world.manager.provision(samples.ibrl);
  const before = await world.snapshot();
  world.kernel.fail('ruleAdd', 3, 'ENOMEM');
  await t.throwsAsync(world.manager.update(samples.edgeFiltering), {message: /ruleAdd: ENOMEM/});
  t.deepEqual(await world.snapshot(), before);
  const tunnel = world.manager.get('doublezero0');
  t.like(tunnel, {state: 'up', uid: running.uid, etag: running.etag});
  t.regex(tunnel.lastError, /update failed: .*the former spec is back/);
});

test('a refused route of an update in place leaves the groups as they were', async t => {
  await using world = openWorld();
  await world.manager.provision(samples.multicast);
  const before = await world.snapshot();
  world.kernel.fail('routesReplace', 1, 'ENOMEM');
  const next = {...samples.multicast, mcastPubGroups: ['233.84.178.7'], mcastSubGroups: ['233.84.178.1']};
  await t.throwsAsync(world.manager.update(next), {message: /routesReplace: ENOMEM/});
  t.deepEqual(await world.snapshot(), before);
  t.is(world.manager.get('doublezero1').state, 'up');
});
