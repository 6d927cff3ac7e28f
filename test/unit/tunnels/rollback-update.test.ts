// Each operation of an update failing in turn: the kernel is as before, or as asked for, and the error says what failed.
import test from 'ava';
import {TunnelError} from '../../../src/tunnels/errors.js';
import {FileJournal} from '../../../src/tunnels/journal.js';
import type {SpecInput} from '../../../src/tunnels/spec-parse.js';
import {samples} from '../../samples.js';
import {eventually} from '../bgp/loopback-world.js';
import {changes, kernelText, openHost} from './crash-world.js';

const nameOf = ({serviceType}: SpecInput) => (serviceType === 'multicast' ? 'doublezero1' : 'doublezero0');

interface Pair {
  readonly from: SpecInput;
  readonly to: SpecInput;
}

/** A host on which the first of the pair runs. */
async function begin({from}: Pair) {
  const host = await openHost();
  // What the kernel refuses of learned routes is tried again later, and fails no update.
  const daemon = await host.start(host.kernel, {learns: false});
  const {uid, etag} = await daemon.manager.provision(from);
  daemon.calls.length = 0;
  return {host, uid, etag, ...daemon, before: await kernelText(host.kernel)};
}

async function journalOf(stateDir: string) {
  const {restored = []} = await FileJournal.open(stateDir, () => undefined);
  return restored;
}

/** How often each operation is asked for in the update. */
async function operationsOf(pair: Pair) {
  const {host, manager, count} = await begin(pair);
  await using _host = host;
  const counted = count();
  await manager.update(pair.to);
  return changes.flatMap(operation =>
    Array.from({length: counted.get(operation) ?? 0}, (_, index) => ({operation, nth: index + 1})),
  );
}

const rollsBack = test.macro({
  title: (title, _pair: Pair) =>
    `whichever operation of an update ${title} fails, the tunnel is one or the other, whole`,
  async exec(t, pair: Pair) {
    const operations = await operationsOf(pair);
    let refusals = 0;
    for (const {operation, nth} of operations) {
      const where = `${operation} ${nth}`;
      const {host, manager, fail, before, uid, etag, bgp} = await begin(pair);
      await using _host = host;
      fail(operation, nth, 'ENOMEM');
      const error = await manager.update(pair.to).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const name = nameOf(pair.from);
      const tunnel = manager.get(name);
      t.is(tunnel.state, 'up', where);
      t.is(tunnel.uid, uid, where);
      t.not(bgp.session(name), undefined, where);
      const [entry, ...others] = await journalOf(host.stateDir);
      t.deepEqual(others, []);
      t.deepEqual([entry?.former, entry?.doomed], [undefined, undefined], where);
      t.deepEqual(entry?.spec, tunnel.spec, where);
      if (error === undefined) {
        // What only eases a teardown may fail, and the update goes on.
        t.regex(operation, /^(socketsAbort|ruleAdd|tunnelDown|ruleDelete)$/, where);
        t.not(tunnel.etag, etag, where);
        t.is(tunnel.lastError, '', where);
        continue;
      }
      refusals += 1;
      if (!(error instanceof TunnelError)) throw error;
      t.is(error.reason, 'netlink-error', where);
      t.deepEqual(error.metadata, {operation, errno: 'ENOMEM'}, where);
      t.deepEqual(await kernelText(host.kernel), before, where);
      t.is(tunnel.etag, etag, where);
      t.regex(tunnel.lastError, /^update failed: .*ENOMEM/, where);
    }
    t.true(refusals > 0);
  },
});

const {ibrl, ibrlWithAllocatedIp, edgeFiltering, multicast, subscriber} = samples;
const elsewhere = {tunnelDst: '192.0.2.77', tunnelNet: '169.254.7.0/31'};
const unicast = Object.entries({ibrl, ibrlWithAllocatedIp, edgeFiltering});

for (const [name, from] of unicast) {
  test(`of ${name} to another device`, rollsBack, {from, to: {...from, ...elsewhere}});
  for (const [other, to] of unicast.filter(([key]) => key !== name)) {
    test(`from ${name} to ${other}`, rollsBack, {from, to});
    test(`from ${name} to ${other} elsewhere`, rollsBack, {from, to: {...to, ...elsewhere}});
  }
}
test('from publisher to subscriber', rollsBack, {from: multicast, to: subscriber});
test('from subscriber to publisher', rollsBack, {from: subscriber, to: multicast});
test('of the groups', rollsBack, {
  from: multicast,
  to: {...multicast, mcastPubGroups: ['233.84.178.5'], mcastSubGroups: ['233.84.178.1']},
});

test('a former spec that cannot be brought back at once is brought back later', async t => {
  const {host, manager, fail, before, etag} = await begin({from: ibrl, to: edgeFiltering});
  await using _host = host;
  for (let nth = 1; nth <= 3; nth++) fail('addressAdd', nth, 'ENOMEM');
  await t.throwsAsync(manager.update(edgeFiltering), {instanceOf: TunnelError});
  t.like(manager.get('doublezero0'), {state: 'degraded', etag});
  t.regex(manager.get('doublezero0').lastError, /^update failed: .*could not be restored yet: addressAdd: ENOMEM$/);
  await eventually('it is back', () => manager.get('doublezero0').state === 'up');
  await manager.provision(ibrl); // waits for its turn behind the repair
  t.deepEqual(await kernelText(host.kernel), before);
  const [entry] = await journalOf(host.stateDir);
  t.is(entry?.former, undefined);
});
