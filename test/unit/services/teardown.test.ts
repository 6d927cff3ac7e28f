import test from 'ava';
import {parseIpv4} from '../../../src/ip/ipv4.js';
import type {SocketHolder} from '../../../src/netlink/host-socket.js';
import {ordinaryHost} from '../../../src/netlink/memory/host.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {exemption, guard} from '../../../src/services/guard.js';
import {runEvery} from '../../../src/services/step.js';
import {strategies} from '../../../src/services/strategies.js';
import type {TeardownSettings} from '../../../src/services/teardown.js';
import {type SampleName, sampleNames, samples} from '../../samples.js';
import {openWorld} from '../../world.js';

function ip(text: string) {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

/** What a teardown runs for every service, with what only some of them have in its place. */
const stepsWith = (guards: string[], ...own: string[]) => [
  'abort_sockets',
  ...guards,
  'guard_overlay_address',
  ...own,
  'bgp_peer_delete',
  'guard_overlay_peer',
  'tunnel_down',
  'abort_late_sockets',
  'linger',
  'tunnel_delete',
  'guards_delete',
];

const expected: Record<SampleName, string[]> = {
  ibrl: stepsWith([], 'rules_delete'),
  ibrlWithAllocatedIp: stepsWith(['guard_service_address'], 'rules_delete'),
  edgeFiltering: stepsWith(['guard_service_address'], 'rules_delete', 'routes_delete'),
  multicast: stepsWith(['guard_service_address'], 'routes_delete', 'heartbeat_stop', 'register_stop', 'pim_prune'),
  subscriber: stepsWith([], 'routes_delete', 'pim_prune'),
};

interface Host {
  readonly programs?: readonly SocketHolder[];
  readonly socketAbort?: boolean;
  readonly abortSockets?: TeardownSettings['abortSockets'];
}

/** A world with one tunnel in it. */
async function worldWith(sample: SampleName, {programs = [], socketAbort = true, abortSockets = 'on'}: Host = {}) {
  const capabilities = {...ordinaryHost.capabilities, socketAbort};
  const kernel = new MemoryNetlinker({capabilities, programs});
  const world = openWorld(kernel, {teardown: {linger: 0, abortSockets}});
  const before = await world.snapshot();
  const {name, spec} = await world.manager.provision(samples[sample]);
  const ports = {
    netlinker: world.kernel.netlinker,
    bgp: world.bgp,
    multicast: world.multicast,
    teardown: {linger: 0, abortSockets},
  };
  return {...world, inKernel: kernel, name, before, steps: () => strategies[spec.serviceType].teardown(spec, ports)};
}

const runsInOrder = test.macro({
  title: (_given, sample: SampleName) => `teardown of ${sample} runs all its steps in order`,
  async exec(t, sample: SampleName) {
    await using world = await worldWith(sample);
    const reports = await world.manager.remove(world.name);
    t.deepEqual(
      reports.map(({step}) => step),
      expected[sample],
    );
    t.true(reports.every(({ok, duration}) => ok && duration >= 0));
    t.deepEqual(await world.snapshot(), world.before);
  },
});

const goesOn = test.macro({
  title: (_given, sample: SampleName) => `a step that fails, whichever it is, stops no other of ${sample}`,
  async exec(t, sample: SampleName) {
    for (const broken of expected[sample]) {
      await using world = await worldWith(sample);
      const steps = world.steps().map(step => ({
        ...step,
        run: step.step === broken ? () => Promise.reject(new Error('broken')) : step.run.bind(step),
      }));
      const {reports, errors} = await runEvery(steps);
      t.deepEqual(
        reports.map(({step, error}) => [step, error]),
        expected[sample].map(step => [step, step === broken ? 'broken' : '']),
      );
      t.is(errors.length, steps.find(({step}) => step === broken)?.advisory ? 0 : 1, broken);
      const again = await runEvery(world.steps());
      t.deepEqual(
        again.reports.filter(({ok}) => !ok),
        [],
        `a second teardown makes good for ${broken}`,
      );
      t.deepEqual(await world.snapshot(), world.before, broken);
    }
  },
});

const succeedsTwice = test.macro({
  title: (_given, sample: SampleName) => `a teardown of ${sample} succeeds where there is nothing left of it`,
  async exec(t, sample: SampleName) {
    await using world = await worldWith(sample);
    await world.inKernel.tunnelDelete(world.name);
    for (const when of ['deleted by somebody else', 'torn down before']) {
      const {reports} = await runEvery(world.steps());
      t.deepEqual(
        reports.filter(({ok}) => !ok),
        [],
        when,
      );
    }
    t.deepEqual(await world.snapshot(), world.before);
  },
});

for (const sample of sampleNames) {
  test(runsInOrder, sample);
  test(goesOn, sample);
  test(succeedsTwice, sample);
}

test('the addresses are guarded before anything that carries their traffic goes, and until the device has gone', async t => {
  await using world = await worldWith('edgeFiltering');
  world.kernel.calls.length = 0;
  await world.manager.remove(world.name);
  const changes = world.kernel.calls.filter(call => /unreachable|^rule.* (98|100) |^tunnel|^socketsAbort/.test(call));
  t.deepEqual(changes, [
    'socketsAbort 169.254.0.1 10.99.0.1',
    'ruleAdd 99 from 10.99.0.1/32 to all unreachable',
    'ruleAdd 98 from 169.254.0.1/32 to 169.254.0.0/32 lookup 254',
    'ruleAdd 99 from 169.254.0.1/32 to all unreachable',
    'ruleDelete 100 from all to 203.0.113.0/24 lookup 100',
    'ruleDelete 100 from all to 198.51.100.0/25 lookup 100',
    'ruleDelete 98 from 169.254.0.1/32 to 169.254.0.0/32 lookup 254',
    'tunnelDown doublezero0',
    'socketsAbort 169.254.0.1 10.99.0.1',
    'tunnelDelete doublezero0',
    'ruleDelete 99 from 10.99.0.1/32 to all unreachable',
    'ruleDelete 99 from 169.254.0.1/32 to all unreachable',
  ]);
});

const validator = (address: string): SocketHolder => ({
  pid: 4711,
  command: 'validator',
  sockets: [
    {
      protocol: 'tcp',
      local: {address: ip(address), port: 8001},
      remote: {address: ip('11.0.0.1'), port: 40_000},
      state: 'established',
      uid: 1000,
      inode: 1,
    },
  ],
});

const abortReports = async (world: Awaited<ReturnType<typeof worldWith>>) =>
  (await world.manager.remove(world.name)).filter(({step}) => step.startsWith('abort_'));

const connection = 'tcp 10.99.0.1:8001 → 11.0.0.1:40000 established';

test('aborted sockets are named in the report', async t => {
  await using world = await worldWith('ibrlWithAllocatedIp', {programs: [validator('10.99.0.1')]});
  const reports = await abortReports(world);
  t.deepEqual(
    reports.map(({ok, note}) => [ok, note]),
    [
      [true, `aborted ${connection}`],
      [true, ''],
    ],
  );
  t.deepEqual(await world.inKernel.sockets([ip('10.99.0.1')]), []);
});

test('with --abort-sockets=report the processes are named and none is aborted', async t => {
  await using world = await worldWith('ibrlWithAllocatedIp', {
    programs: [validator('10.99.0.1')],
    abortSockets: 'report',
  });
  const reports = await abortReports(world);
  const text = `left alone: validator (4711): ${connection}`;
  t.deepEqual(
    reports.map(({ok, note}) => [ok, note]),
    [
      [true, text],
      [true, text],
    ],
  );
  t.is((await world.inKernel.sockets([ip('10.99.0.1')])).length, 1);
  t.false(world.kernel.calls.some(call => call.startsWith('socketsAbort')));
});

test('with --abort-sockets=off both aborts are skipped, and the report says why', async t => {
  await using world = await worldWith('ibrlWithAllocatedIp', {programs: [validator('10.99.0.1')], abortSockets: 'off'});
  const reports = await abortReports(world);
  t.deepEqual(
    reports.map(({ok, note}) => [ok, note]),
    Array(2).fill([true, 'skipped: --abort-sockets=off']),
  );
  t.is((await world.inKernel.sockets([ip('10.99.0.1')])).length, 1);
});

test('where the kernel cannot abort sockets both aborts are skipped, and the report says why', async t => {
  await using world = await worldWith('ibrlWithAllocatedIp', {socketAbort: false});
  const reports = await abortReports(world);
  t.deepEqual(
    reports.map(({ok, note}) => [ok, note]),
    Array(2).fill([true, 'skipped: this kernel cannot abort sockets (CONFIG_INET_DIAG_DESTROY)']),
  );
});

test('an address that another interface carries as well is left alone: neither aborted nor guarded', async t => {
  const address = {address: ip('10.99.0.1'), length: 32, scope: 'universe'} as const;
  await using world = await worldWith('ibrlWithAllocatedIp', {programs: [validator('10.99.0.1')]});
  await world.inKernel.addressAdd('lo', address);
  world.kernel.calls.length = 0;
  await world.manager.remove(world.name);
  t.is((await world.inKernel.sockets([ip('10.99.0.1')])).length, 1);
  t.false(world.kernel.calls.some(call => call.includes('10.99.0.1/32 to all unreachable')));
});

test('sockets on the host’s own address are left alone by plain IBRL, which guards it neither', async t => {
  await using world = await worldWith('ibrl', {programs: [validator('192.0.2.1')]});
  world.kernel.calls.length = 0;
  await world.manager.remove(world.name);
  t.is((await world.inKernel.sockets([ip('192.0.2.1')])).length, 1);
  t.false(world.kernel.calls.some(call => call.includes('192.0.2.1/32')));
});

test('a guard that a crash left behind is gone after the next start, and a rule of somebody else is not', async t => {
  const kernel = new MemoryNetlinker();
  const foreign = {...guard(ip('10.99.0.1')), protocol: 4};
  await kernel.ruleAdd(foreign);
  const before = await kernel.rules();
  await kernel.ruleAdd(guard(ip('10.99.0.1')));
  await kernel.ruleAdd(exemption(ip('169.254.0.1'), ip('169.254.0.0')));
  const journal = {restored: [], isNew: true, put: async () => undefined, delete: async () => undefined};
  await using world = openWorld(kernel, {journal});
  await world.manager.restore();
  t.deepEqual(await kernel.rules(), before);
});
