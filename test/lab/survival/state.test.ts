// The state directory of the real daemon: full, shared, and with a journal that says too much or nothing.
import {spawnSync} from 'node:child_process';
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {Refusal} from '../../../lab/controller.js';
import {specs} from '../../../lab/specs.js';
import {kernelState} from '../../../lab/survival/kernel-state.js';
import {survivalProgram, VethWorld} from '../../../lab/survival/veth-world.js';
import {laboratoryTest} from '../bgp/peers/available.js';

const test = laboratoryTest(['ip', 'mount']);

const stateDir = (world: VethWorld) => `${world.logFile}.state`;
const journalOf = (world: VethWorld) => join(stateDir(world), 'tunnels.json');

async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Refusal ? `${error.code} ${error.reason}: ${error.message}` : String(error);
}

test('on a full disk a provision is taken back and refused, a removal says that it does not last', async t => {
  await using world = await VethWorld.create();
  const folder = stateDir(world);
  await mkdir(folder);
  // Two pages: the journal of one tunnel and its successor fit, with anything else beside it they do not.
  t.is(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12k', 'tmpfs', folder]).status, 0);
  try {
    const {controller} = await world.start('--teardown-linger', '0');
    const empty = await kernelState(world.host);
    await writeFile(join(folder, 'filler'), Buffer.alloc(100_000)).catch(() => undefined);
    t.regex(await refusalOf(controller.provision(specs.edgeFiltering)), /^INTERNAL STATE_NOT_DURABLE.*ENOSPC/);
    t.deepEqual(await kernelState(world.host), empty);
    t.deepEqual(await controller.list(), []);

    await writeFile(join(folder, 'filler'), '');
    await controller.provision(specs.edgeFiltering);
    const running = await kernelState(world.host);
    await writeFile(join(folder, 'filler'), Buffer.alloc(100_000)).catch(() => undefined);
    t.regex(await refusalOf(controller.update(specs.ibrlWithAllocatedIp)), /STATE_NOT_DURABLE/);
    t.deepEqual(await kernelState(world.host), running);
    t.regex(await refusalOf(controller.remove('doublezero0')), /STATE_NOT_DURABLE/);
    t.deepEqual(await kernelState(world.host), empty);
    t.regex((await controller.get('doublezero0')).lastError, /comes back with the next start/);

    await writeFile(join(folder, 'filler'), '');
    await controller.remove('doublezero0');
    t.deepEqual(JSON.parse(await readFile(journalOf(world), 'utf8')).tunnels, []);
  } finally {
    await world.stop();
    spawnSync('umount', [folder]);
  }
});

test('a second daemon with the same state directory does not start, and the first one’s tunnel is not touched', async t => {
  await using world = await VethWorld.create();
  const {controller} = await world.start();
  await controller.provision(specs.edgeFiltering);
  const [before, journal] = [await kernelState(world.host), await readFile(journalOf(world), 'utf8')];
  for (const socket of [join(world.folder, 'other.sock'), world.socket]) {
    const args = [survivalProgram, '--socket', socket, '--state-dir', stateDir(world)];
    const second = world.host.run('env', 'STAND_IN=veth', process.execPath, ...args);
    await t.throwsAsync(second, {message: /--state-dir .*: another doublezerod works with it/});
  }
  t.deepEqual(await kernelState(world.host), before);
  t.is(await readFile(journalOf(world), 'utf8'), journal);
  t.is((await controller.list()).length, 1);
});

test('a corrupt journal is set aside with an error, and the kernel is left as it is', async t => {
  await using world = await VethWorld.create();
  const first = await world.start();
  await first.controller.provision(specs.edgeFiltering);
  const before = await kernelState(world.host);
  await first.stop('SIGKILL');
  await writeFile(journalOf(world), '{"version": 1, "tunnels": [{');
  const {controller} = await world.start();
  await delay(1500); // over the first looks for drift
  t.deepEqual(await controller.list(), []);
  t.deepEqual(await kernelState(world.host), before);
  const log = (await readFile(world.logFile, 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const {level, set_aside: setAside} = log.find(({message}) => message === 'journal.corrupt');
  t.is(level, 'error');
  t.is(await readFile(setAside, 'utf8'), '{"version": 1, "tunnels": [{');
  await controller.provision(specs.edgeFiltering);
  t.deepEqual(await kernelState(world.host), before);
});

test('tunnels torn down with the daemon come back with the next, those kept are taken over', async t => {
  await using world = await VethWorld.create();
  const first = await world.start('--on-exit', 'teardown', '--teardown-linger', '0');
  const empty = await kernelState(world.host);
  const {uid} = await first.controller.provision(specs.edgeFiltering);
  const before = await kernelState(world.host);
  await first.stop('SIGTERM');
  t.deepEqual(await kernelState(world.host), empty);
  const second = await world.start('--on-exit', 'keep');
  t.is((await second.controller.provision(specs.edgeFiltering)).uid, uid);
  t.deepEqual(await kernelState(world.host), before);
  await second.stop('SIGTERM');
  t.deepEqual(await kernelState(world.host), before);
  t.deepEqual(await readdir(stateDir(world)), ['tunnels.json'], 'the lock is let go of');
});
