// A daemon that dies at any point of any operation, and the one started after it: the kernel is as the journal says.
import test, {type ExecutionContext} from 'ava';
import {FileJournal} from '../../../src/tunnels/journal.js';
import type {SpecInput} from '../../../src/tunnels/spec-parse.js';
import {sampleNames, samples} from '../../samples.js';
import {type Death, type Host, kernelText, openHost} from './crash-world.js';

const nameOf = ({serviceType}: SpecInput) => (serviceType === 'multicast' ? 'doublezero1' : 'doublezero0');

interface Clean {
  readonly etag: string;
  readonly kernel: string[];
}

const known = new Map<SpecInput | undefined, Promise<Clean>>();

/** What a host has in its kernel on which nothing ever went wrong. */
function cleanKernel(spec: SpecInput | undefined): Promise<Clean> {
  const clean = known.get(spec) ?? provisionCleanly(spec);
  known.set(spec, clean);
  return clean;
}

async function provisionCleanly(spec: SpecInput | undefined): Promise<Clean> {
  await using host = await openHost();
  const {manager} = await host.start();
  const etag = spec ? (await manager.provision(spec)).etag : '';
  return {etag, kernel: await kernelText(host.kernel)};
}

type Daemon = Awaited<ReturnType<Host['start']>>;

interface Case {
  readonly from?: SpecInput | undefined;
  readonly to?: SpecInput | undefined;
  readonly work: (daemon: Daemon) => Promise<unknown>;
}

const provision = (spec: SpecInput): Case => ({to: spec, work: ({manager}) => manager.provision(spec)});
const removal = (spec: SpecInput): Case => ({from: spec, work: ({manager}) => manager.remove(nameOf(spec))});
const update = (from: SpecInput, to: SpecInput): Case => ({from, to, work: ({manager}) => manager.update(to)});

/** An update whose new spec the kernel refuses, at its last address, so that the former one has to come back. */
const refusedUpdate = (from: SpecInput, to: SpecInput, nth: number): Case => ({
  from,
  to,
  async work({manager, fail}) {
    fail('addressAdd', nth, 'ENOMEM');
    await manager.update(to);
  },
});

/** A host on which the work can begin, and the daemon that is to do it. */
async function begin({from}: Case) {
  const host = await openHost();
  const daemon = await host.start();
  await daemon.manager.restore();
  if (from) await daemon.manager.provision(from);
  daemon.take();
  return {host, daemon};
}

async function pointsOf(subject: Case): Promise<Death[]> {
  const {host, daemon} = await begin(subject);
  await using _host = host;
  await subject.work(daemon).catch(() => undefined);
  const count = daemon.take();
  return Array.from({length: count}, (_, index) => index + 1).flatMap(nth => [
    {nth, when: 'before' as const},
    {nth, when: 'after' as const},
  ]);
}

async function dieIn(subject: Case, death: Death): Promise<Host> {
  const {host, daemon} = await begin(subject);
  daemon.dieWith(death);
  void subject.work(daemon).catch(() => undefined);
  await daemon.died;
  return host;
}

/** Starts a daemon and holds what it makes of the host against its journal. */
async function expectRestored(t: ExecutionContext, host: Host, {from, to}: Case, where: string): Promise<void> {
  const {manager} = await host.start();
  await manager.restore();
  const {restored = []} = await FileJournal.open(host.stateDir, (_, reason) => t.fail(reason));
  const [entry] = restored;
  const tunnels = manager.list();
  t.deepEqual(
    tunnels.map(({uid, etag, state, lastError}) => ({uid, etag, state, lastError})),
    entry ? [{uid: entry.uid, etag: tunnels[0]?.etag ?? '', state: 'up', lastError: ''}] : [],
    where,
  );
  t.is(entry?.former, undefined, where);
  const wanted = await Promise.all([cleanKernel(from), cleanKernel(to)]);
  const kernel = wanted.find(({etag}) => etag === (tunnels[0]?.etag ?? ''))?.kernel;
  t.deepEqual(await kernelText(host.kernel), kernel, where);
  if (entry) await manager.remove(entry.name);
  t.deepEqual(await kernelText(host.kernel), (await cleanKernel(undefined)).kernel, `${where}, then removed`);
}

const survives = test.macro({
  title: (title, _subject: Case) =>
    `whenever the daemon dies in ${title}, the next one finds or makes what the journal says`,
  async exec(t, subject: Case) {
    const points = await pointsOf(subject);
    t.true(points.length >= 4);
    for (const death of points) {
      await using host = await dieIn(subject, death);
      await expectRestored(t, host, subject, `${death.when} change ${death.nth}`);
    }
  },
});

for (const sample of sampleNames) {
  test(`provision of ${sample}`, survives, provision(samples[sample]));
  test(`removal of ${sample}`, survives, removal(samples[sample]));
}

const {ibrl, ibrlWithAllocatedIp, edgeFiltering, multicast, subscriber} = samples;
const unicast = {ibrl, ibrlWithAllocatedIp, edgeFiltering};
const elsewhere = {tunnelDst: '192.0.2.77', tunnelNet: '169.254.7.0/31'};

const updates: Record<string, Case> = {
  'update of the groups': update(multicast, {
    ...multicast,
    mcastPubGroups: ['233.84.178.5', '233.84.178.2'],
    mcastSubGroups: ['233.84.178.1', '233.84.178.4'],
  }),
  'update from publisher to subscriber': update(multicast, subscriber),
  'update from subscriber to publisher': update(subscriber, multicast),
  'update from publisher to a subscriber elsewhere': update(multicast, {...subscriber, ...elsewhere}),
  'update of the groups and the device': update(multicast, {
    ...multicast,
    ...elsewhere,
    mcastPubGroups: ['233.84.178.8'],
  }),
};
for (const [name, from] of Object.entries(unicast)) {
  updates[`update of ${name} to another device`] = update(from, {...from, ...elsewhere});
  updates[`update of ${name} to another overlay`] = update(from, {...from, tunnelNet: '169.254.7.0/31'});
  updates[`update of ${name} to another AS`] = update(from, {...from, bgpRemoteAsn: 65_010});
  for (const [other, to] of Object.entries(unicast).filter(([key]) => key !== name)) {
    updates[`update from ${name} to ${other}`] = update(from, to);
    updates[`update from ${name} to ${other} elsewhere`] = update(from, {...to, ...elsewhere});
  }
}
for (const [title, subject] of Object.entries(updates)) test(title, survives, subject);

for (const [name, from, to, nth] of [
  ['allocated IP', ibrl, {...ibrlWithAllocatedIp, ...elsewhere}, 2],
  ['edge filtering', ibrlWithAllocatedIp, edgeFiltering, 2],
  ['publisher', subscriber, multicast, 2],
] as const) {
  test(`an update to ${name} that fails`, survives, refusedUpdate(from, to, nth));
}

test('a daemon that dies in the midst of restoring does no harm either', async t => {
  const subject = update(edgeFiltering, {...ibrlWithAllocatedIp, ...elsewhere});
  const points = await pointsOf(subject);
  for (const death of points.filter(({when}) => when === 'after')) {
    await using trial = await dieIn(subject, death);
    const probe = await trial.start();
    await probe.manager.restore();
    const count = probe.take();
    for (let nth = 1; nth <= count; nth++) {
      await using host = await dieIn(subject, death);
      const second = await host.start();
      second.dieWith({nth, when: 'after'});
      void second.manager.restore();
      await second.died;
      await expectRestored(t, host, subject, `after change ${death.nth}, then after change ${nth} of the restore`);
    }
  }
});

test('the tunnel of the other slot is not touched by the restart', async t => {
  const subject = removal(multicast);
  for (const death of await pointsOf(subject)) {
    await using host = await openHost();
    const daemon = await host.start();
    await daemon.manager.provision(multicast);
    await daemon.manager.provision(edgeFiltering);
    daemon.dieWith(death);
    void subject.work(daemon);
    await daemon.died;
    const next = await host.start();
    await next.manager.restore();
    t.deepEqual(
      next.calls.filter(call => /doublezero0|rule\w+ 10[01] /.test(call)),
      [],
      `${death.when} change ${death.nth}`,
    );
    t.deepEqual(
      next.manager.list().map(({name, state}) => [name, state]),
      [
        ['doublezero0', 'up'],
        ['doublezero1', 'up'],
      ],
    );
  }
});
