import {chmod, mkdir, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {anonymous} from '../../../src/access/caller.js';
import {PolicyError} from '../../../src/access/policy-error.js';
import {FilePolicySource} from '../../../src/access/policy-source.js';
import {Metrics} from '../../../src/telemetry/metrics.js';
import {recordingLog} from '../../recording-log.js';
import {temporaryFolder} from '../../temporary-folder.js';

const policyFor = (role: string) => `bindings: [{role: ${role}, identities: [anonymous]}]\n`;

/** The timer's time never comes: these tests say when to look. */
const period = 2 ** 31 - 1;

async function open(path: string) {
  const {lines, log} = recordingLog();
  const metrics = new Metrics();
  const source = await FilePolicySource.open(path, {log, metrics, period});
  let changes = 0;
  source.onChange(() => void changes++);
  const valuesOf = async (name: string) =>
    (await metrics.registry.getSingleMetric(`doublezerod_${name}`)?.get())?.values;
  return {
    source,
    lines,
    changes: () => changes,
    role: () =>
      source.current
        .grants(anonymous)
        .map(({role}) => role)
        .join(),
    stale: async () => (await valuesOf('policy_stale'))?.[0]?.value,
    reloads: async () =>
      Object.fromEntries(
        ((await valuesOf('policy_reloads_total')) ?? []).map(({labels, value}) => [labels.outcome, value]),
      ),
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}
type World = Awaited<ReturnType<typeof open>> & {
  readonly path: string;
  /** Puts a policy in place of the one that is there, by a rename. */
  readonly swap: (text: string) => Promise<void>;
};

const sourced = test.macro({
  title: (behaviour = '') => behaviour,
  async exec(t, body: (t: ExecutionContext, world: World) => Promise<void>) {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'policy.yaml');
    await writeFile(path, policyFor('viewer'));
    using world = await open(path);
    const swap = async (text: string) => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    };
    await body(t, {...world, path, swap});
  },
});

test('the policy is that of the file at the start', sourced, async (t, {role, lines, stale, reloads}) => {
  t.is(role(), 'viewer');
  t.is(await stale(), 0);
  t.deepEqual(await reloads(), {ok: 0, error: 0});
  t.deepEqual(
    lines.map(({level, message}) => [level, message]),
    [['info', 'policy.loaded']],
  );
});

test('a policy that changes is in force, and whoever listens is told', sourced, async (t, world) => {
  await world.swap(policyFor('operator'));
  await world.source.check();
  t.is(world.role(), 'operator');
  t.is(world.changes(), 1);
  t.deepEqual(await world.reloads(), {ok: 1, error: 0});
  t.like(world.lines.at(-1), {level: 'info', message: 'policy.reloaded', changed: true});
});

test('the new policy is in force when listeners are told', sourced, async (t, {source, swap, role}) => {
  const seen: string[] = [];
  source.onChange(() => seen.push(role()));
  await swap(policyFor('operator'));
  await source.check();
  t.deepEqual(seen, ['operator']);
});

test('a listener that has gone is not told', sourced, async (t, {source, swap, changes}) => {
  let calls = 0;
  const stop = source.onChange(() => void calls++);
  stop();
  stop();
  await swap(policyFor('operator'));
  await source.check();
  t.is(calls, 0);
  t.is(changes(), 1);
});

test('another text for the same policy is no change', sourced, async (t, {source, swap, changes, reloads}) => {
  await swap(`# The same.\n${policyFor('viewer')}`);
  await source.check();
  t.is(changes(), 0);
  t.deepEqual(await reloads(), {ok: 1, error: 0});
});

test('a bad policy is reported with all its mistakes, and the old one stays', sourced, async (t, world) => {
  await world.swap(`${policyFor('admin')}more: 1\n`);
  await world.source.check();
  t.is(world.role(), 'viewer');
  t.is(world.changes(), 0);
  t.is(await world.stale(), 1);
  t.deepEqual(await world.reloads(), {ok: 0, error: 1});
  t.like(world.lines.at(-1), {
    level: 'error',
    message: 'policy.rejected',
    file: world.path,
    errors: [
      `--policy ${world.path}, line 1, column 19: "admin" is no role: it must be viewer or operator`,
      `--policy ${world.path}, line 2, column 1: "more" is no setting of a policy; known: bindings`,
    ],
  });
});

test('a bad policy is reported once, until it changes', sourced, async (t, {source, swap, lines}) => {
  await swap('x');
  await source.check();
  await source.check();
  t.is(lines.filter(({message}) => message === 'policy.rejected').length, 1);
});

test('a good policy after a bad one is in force', sourced, async (t, {source, swap, role, stale}) => {
  await swap('x');
  await source.check();
  await swap(policyFor('operator'));
  await source.check();
  t.is(role(), 'operator');
  t.is(await stale(), 0);
});

test('a file that vanishes is a bad policy, and one that comes back a good one', sourced, async (t, world) => {
  await rm(world.path);
  await world.source.check();
  t.is(world.role(), 'viewer');
  t.is(await world.stale(), 1);
  await world.swap(policyFor('viewer'));
  await world.source.check();
  t.is(await world.stale(), 0);
  t.is(world.changes(), 0);
});

test('a policy that others may write to is not taken over', sourced, async (t, {source, path, role, stale}) => {
  await rm(path);
  await writeFile(path, policyFor('operator'));
  await chmod(path, 0o666);
  await source.check();
  t.is(role(), 'viewer');
  t.is(await stale(), 1);
});

test('a reload reads the file, changed or not', sourced, async (t, {source, swap, role, reloads}) => {
  await source.reload();
  t.deepEqual(await reloads(), {ok: 1, error: 0});
  await swap(policyFor('operator'));
  await source.reload();
  t.is(role(), 'operator');
  await source.check();
  t.deepEqual(await reloads(), {ok: 2, error: 0});
});

test('nothing is told once the source is disposed of', sourced, async (t, {source, swap, role, changes}) => {
  await swap(policyFor('operator'));
  source[Symbol.dispose]();
  await source.check();
  await source.reload();
  t.is(role(), 'viewer');
  t.is(changes(), 0);
});

test('a Kubernetes volume that is flipped is a change', async t => {
  await using folder = await temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  for (const [version, role] of [
    ['..1', 'viewer'],
    ['..2', 'operator'],
  ] as const) {
    await mkdir(at(version));
    await writeFile(at(version, 'policy.yaml'), policyFor(role));
  }
  await symlink('..1', at('..data'));
  await symlink(join('..data', 'policy.yaml'), at('policy.yaml'));
  using world = await open(at('policy.yaml'));
  await symlink('..2', at('..data_tmp'));
  await rename(at('..data_tmp'), at('..data'));
  await world.source.check();
  t.is(world.role(), 'operator');
});

test('a bad policy at the start is an error that names flag, file, line and column', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'policy.yaml');
  await writeFile(path, 'bindings:\n  - role: boss\n    identities: [anonymous]\n');
  const {log, lines} = recordingLog();
  const opening = FilePolicySource.open(path, {log, metrics: new Metrics(), period});
  const error = await t.throwsAsync(opening, {instanceOf: PolicyError});
  t.is(error?.message, `--policy ${path}, line 2, column 11: "boss" is no role: it must be viewer or operator`);
  t.deepEqual(lines, []);
});
