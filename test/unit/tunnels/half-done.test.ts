// What an operation or a crash left half done, and what comes after it.
import test from 'ava';
import {ipv4} from '../../../src/ip/ipv4.js';
import {type InterfaceAddress, NetlinkError, type Netlinker} from '../../../src/netlink/netlinker.js';
import {guard} from '../../../src/services/guard.js';
import type {TunnelSpec} from '../../../src/services/tunnel-spec.js';
import {FileJournal, JournalError} from '../../../src/tunnels/journal.js';
import type {JournalEntry} from '../../../src/tunnels/journal-entry.js';
import {parseSpec, type SpecInput} from '../../../src/tunnels/spec-parse.js';
import {samples} from '../../samples.js';
import {eventually} from '../bgp/loopback-world.js';
import {type Host, kernelText, openHost, replacing} from './crash-world.js';

const elsewhere = {tunnelDst: '192.0.2.77', tunnelNet: '169.254.7.0/31'};
const {ibrl, ibrlWithAllocatedIp, edgeFiltering, multicast} = samples;
const sourced = (spec: SpecInput): TunnelSpec => parseSpec(spec) as TunnelSpec;

async function entryOf({stateDir}: Host): Promise<JournalEntry> {
  const {restored = []} = await FileJournal.open(stateDir, () => undefined);
  const [entry] = restored;
  if (!entry) throw new Error('nothing in the journal');
  return entry;
}

/** A host whose daemon died after the old spec was written down as former to the new one, with the old one's kernel. */
async function halfReplaced(from: SpecInput, to: SpecInput, beside?: SpecInput): Promise<Host> {
  const host = await openHost();
  const {manager, journal, dieWith} = await host.start();
  await manager.provision(from);
  const entry = await entryOf(host);
  if (beside) await manager.provision(beside);
  dieWith({nth: 1, when: 'before'});
  await journal.put({...entry, spec: sourced(to), former: entry.spec});
  return host;
}

/** A kernel that refuses one operation until it relents. */
function stubborn(kernel: Netlinker, operation: 'tunnelDelete' | 'addressDelete') {
  let relents = false;
  const netlinker = replacing(kernel, operation, async (name: string, address?: InterfaceAddress) => {
    if (!relents) throw new NetlinkError(operation, 'other', 'EBUSY');
    await (address ? kernel.addressDelete(name, address) : kernel.tunnelDelete(name));
  });
  return {
    netlinker,
    relent: () => {
      relents = true;
    },
  };
}

async function cleanKernel(spec: SpecInput): Promise<string[]> {
  await using host = await openHost();
  await (await host.start()).manager.provision(spec);
  return kernelText(host.kernel);
}

for (const operation of ['ruleDelete', 'tunnelDelete'] as const) {
  test(`a teardown for the stop of the daemon that fails at ${operation} does not keep the tunnel from coming back`, async t => {
    await using host = await openHost();
    const first = await host.start();
    const {uid} = await first.manager.provision(edgeFiltering);
    const before = await kernelText(host.kernel);
    first.fail(operation, 1, 'ENOMEM');
    await t.throwsAsync(first.manager.drain({teardown: true}), {message: new RegExp(operation)});
    t.like(first.manager.get('doublezero0'), {state: 'failed'});
    const {manager} = await host.start();
    await manager.restore();
    t.like(manager.get('doublezero0'), {state: 'up', uid});
    t.deepEqual(await kernelText(host.kernel), before);
  });
}

test('an update whose end cannot be written down is an update all the same', async t => {
  await using host = await openHost();
  const {manager, journal, bgp} = await host.start();
  await manager.provision(ibrl);
  const {put} = journal;
  let writes = 0;
  journal.put = async entry => {
    writes += 1;
    if (writes === 2) throw new JournalError('the disk is full');
    return put.call(journal, entry);
  };
  t.like(await manager.update(edgeFiltering), {state: 'up', lastError: ''});
  t.is(writes, 2);
  t.deepEqual([...bgp.peers.keys()], ['doublezero0']);
  t.deepEqual(await kernelText(host.kernel), await cleanKernel(edgeFiltering));
  const next = await host.start();
  await next.manager.restore();
  t.deepEqual(await kernelText(host.kernel), await cleanKernel(edgeFiltering));
  t.is((await entryOf(host)).former, undefined);
});

test('a former spec is struck from the journal when its successor is up only at the second attempt', async t => {
  await using host = await halfReplaced(ibrl, {...ibrl, ...elsewhere});
  const {manager, fail} = await host.start();
  fail('addressAdd', 1, 'ENOMEM');
  await manager.restore();
  t.like(manager.get('doublezero0'), {state: 'degraded'});
  await eventually('it is restored', () => manager.get('doublezero0').state === 'up');
  await manager.provision({...ibrl, ...elsewhere}); // waits for its turn behind the repair
  t.is((await entryOf(host)).former, undefined);
});

test('finishing a tunnel lets its own addresses and the former ones send, and leaves other guards alone', async t => {
  await using host = await halfReplaced(ibrlWithAllocatedIp, ibrl);
  const {spec, former} = await entryOf(host);
  if (former?.doublezeroIp === undefined) throw new Error('no former spec');
  const {netlinker, relent} = stubborn(host.kernel, 'addressDelete');
  const {manager} = await host.start(netlinker);
  await manager.restore();
  t.is(manager.get('doublezero0').state, 'degraded');
  // As a teardown in the other slot would have them, and one of this slot that was cut short.
  const foreign = guard(ipv4(0x0a636363));
  const own = [spec.tunnelNet.address + 1, former.doublezeroIp].map(address => guard(ipv4(address)));
  for (const rule of [foreign, ...own]) await host.kernel.ruleAdd(rule);
  relent();
  await eventually('it is restored', () => manager.get('doublezero0').state === 'up');
  t.deepEqual(
    (await host.kernel.rules()).filter(({action}) => action === 'unreachable').map(({source}) => source),
    [foreign.source],
  );
});

test('guards of a former spec whose device is gone already go as well', async t => {
  // With a tunnel in the other slot nothing is swept.
  await using host = await halfReplaced(ibrlWithAllocatedIp, {...ibrl, ...elsewhere}, multicast);
  const {former} = await entryOf(host);
  if (former?.doublezeroIp === undefined) throw new Error('no former spec');
  await host.kernel.tunnelDelete('doublezero0');
  await host.kernel.ruleAdd(guard(former.doublezeroIp));
  const {manager} = await host.start();
  await manager.restore();
  t.is(manager.get('doublezero0').state, 'up');
  t.deepEqual(
    (await host.kernel.rules()).filter(({action}) => action === 'unreachable'),
    [],
  );
});

test('while a former device cannot be deleted its successor is not replaced either', async t => {
  const to = {...ibrl, ...elsewhere};
  await using host = await halfReplaced(ibrl, to);
  const {netlinker, relent} = stubborn(host.kernel, 'tunnelDelete');
  const {manager} = await host.start(netlinker);
  await manager.restore();
  t.like(manager.get('doublezero0'), {state: 'degraded'});
  const {etag} = manager.get('doublezero0');
  await t.throwsAsync(manager.update({...edgeFiltering, tunnelDst: '192.0.2.78'}), {message: /tunnelDelete: EBUSY/});
  t.like(manager.get('doublezero0'), {state: 'degraded', etag});
  t.not((await entryOf(host)).former, undefined);
  relent();
  await manager.update({...edgeFiltering, tunnelDst: '192.0.2.78'});
  t.deepEqual(await kernelText(host.kernel), await cleanKernel({...edgeFiltering, tunnelDst: '192.0.2.78'}));
  t.is((await entryOf(host)).former, undefined);
});
