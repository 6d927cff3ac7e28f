// The daemon as users start it, with an audit log on a disk that is really full.
import test from 'ava';
import {linesOf} from '../unit/access/audit-world.js';
import {obstacle, openSmallDisk} from '../unit/access/small-disk.js';
import {type Refusal, specs} from './controller.js';
import {DaemonProcess, main, socketFolder} from './daemon-process.js';

const reason = obstacle('tmpfs');
const onDisk = reason === undefined ? test : test.skip;
if (reason !== undefined) test(`full disks are not tried here: ${reason}`, t => t.pass());

async function startOnSmallDisk(...flags: string[]) {
  const folder = await socketFolder();
  const disk = await openSmallDisk('size=512k');
  const command = [...disk.enter, process.execPath, main];
  const options = ['--audit-log', '/mnt/audit.log', '--max-changes', '1000000', ...flags];
  const daemon = await DaemonProcess.startBy(command, folder.socket, ...options);
  return {
    disk,
    daemon,
    controller: daemon.controller,
    outcomes: () => linesOf(disk.file).map(({method, outcome}) => `${method} ${outcome}`),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await disk[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

onDisk('required: on a full disk every change is refused and nothing is changed, until there is room', async t => {
  await using world = await startOnSmallDisk('--audit-required');
  const {controller, disk, outcomes} = world;
  await controller.provision(specs.ibrl);
  disk.fill();
  // What was allocated when the disk had room is used up first; each call leaves a line.
  const refusal = await firstRefusal(() => controller.remove('doublezero1', {allowMissing: true}));
  t.like(refusal, {code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE'});
  t.is(refusal.message, 'no audit record can be written: ENOSPC: no space left on device');
  for (const change of [
    () => controller.provision(specs.multicast),
    () => controller.update(specs.ibrl),
    // A line as long as the one there was no room for: a shorter one might find some.
    () => controller.remove('doublezero0', {allowMissing: true}),
  ]) {
    t.is((await t.throwsAsync<Refusal>(change)).reason, 'AUDIT_UNAVAILABLE');
  }
  t.deepEqual(
    (await controller.list()).map(({name}) => name),
    ['doublezero0'],
  );
  t.true(outcomes().every(outcome => outcome.endsWith(' OK')));

  disk.free();
  await controller.remove('doublezero0');
  t.deepEqual(await controller.list(), []);
  t.is(outcomes().at(-1), 'RemoveTunnel OK');
  await world.daemon.line('audit.recovered');
});

async function firstRefusal(call: () => Promise<unknown>): Promise<Refusal> {
  for (let count = 0; count < 2000; count++) {
    try {
      await call();
    } catch (error) {
      return error as Refusal;
    }
  }
  throw new Error('none of 2000 calls was refused');
}

onDisk('not required: on a full disk changes go on, and the log tells how many lines are lost', async t => {
  await using world = await startOnSmallDisk();
  const {controller, disk, outcomes, daemon} = world;
  disk.fill();
  await controller.provision(specs.ibrl);
  await controller.remove('doublezero0');
  t.deepEqual(await controller.list(), []);
  t.deepEqual(outcomes(), []);
  disk.free();
  await controller.provision(specs.ibrl);
  t.like(await daemon.line('audit.recovered'), {records_lost: 2});
  t.deepEqual(outcomes(), ['ProvisionTunnel OK']);
});
