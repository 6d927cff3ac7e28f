import {spawnSync} from 'node:child_process';
import {readFileSync, renameSync, statSync, truncateSync} from 'node:fs';
import test from 'ava';
import {AuditError, AuditUnavailable} from '../../../src/access/audit.js';
import {kernelFallocate} from '../../../src/access/audit-fallocate.js';
import {recordOctets} from '../../../src/access/audit-line.js';
import type {Fallocate} from '../../../src/access/audit-room.js';
import {linesOf, longRecord, sampleRecord, sequencesOf} from './audit-world.js';
import {type FileSystem, obstacle, openSmallDisk} from './small-disk.js';

/** Declares tests where the file system can be had, and one that tells why not elsewhere. */
function on(type: FileSystem): typeof test | typeof test.skip {
  const reason = obstacle(type);
  if (reason === undefined) return test;
  test(`a small ${type} is not to be had here`, t => {
    t.log(reason);
    t.pass();
  });
  return test.skip;
}
const onDisk = on('tmpfs');

const octets = recordOctets(sampleRecord());
const isFull = {
  instanceOf: AuditUnavailable,
  message: 'no audit record can be written: ENOSPC: no space left on device',
};

onDisk('required: changes are refused while the disk is full, and let in again when there is room', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true});
  trail.write(sampleRecord(), trail.reserve(octets));
  const rooms = [trail.reserve(octets), trail.reserve(octets)];
  disk.fill();
  for (let i = 0; i < 3; i++) t.throws(() => trail.reserve(octets), isFull);
  // A call that changes nothing after all has no use for its room.
  rooms.pop()?.[Symbol.dispose]();
  rooms.push(trail.reserve(octets));
  t.throws(() => trail.reserve(octets), isFull);
  t.deepEqual(sequencesOf(disk.file), [1]);

  disk.free();
  rooms.push(trail.reserve(octets));
  for (const room of rooms) trail.write(sampleRecord(), room);
  t.deepEqual(sequencesOf(disk.file), [1, 2, 3, 4]);
  t.is(await disk.count('lost'), 0);
});

onDisk('required: the log says once that the disk is full, and once how many changes were refused', async t => {
  await using disk = await openSmallDisk();
  disk.fill();
  const trail = disk.open({required: true});
  for (let i = 0; i < 5; i++) t.throws(() => trail.reserve(octets), isFull);
  t.deepEqual(disk.names(), ['audit.failing']);
  t.like(disk.events[0], {level: 'error', file: disk.file});
  disk.free();
  trail.write(sampleRecord(), trail.reserve(octets));
  t.deepEqual(disk.names(), ['audit.failing', 'audit.recovered']);
  t.like(disk.events[1], {level: 'warn', records_lost: 0, changes_refused: 5});
});

onDisk('required: each of many calls under way has its line, whatever fills the disk meanwhile', async t => {
  await using disk = await openSmallDisk('size=1m');
  const trail = disk.open({required: true});
  const rooms = Array.from({length: 60}, () => trail.reserve(octets));
  // Refusals have no room of their own, and take none of what is promised.
  for (let i = 0; i < 5000; i++) trail.write(sampleRecord({outcome: 'PERMISSION_DENIED'}));
  disk.fill();
  const refusals = linesOf(disk.file).length;
  t.true(refusals > 0 && refusals < 5000, `${refusals}`);
  const error = '\u2028'.repeat(100_000);
  for (const [index, room] of rooms.entries()) {
    const outcome = index % 2 === 0 ? {error} : {steps: ['x'.repeat(8000)]};
    trail.write(sampleRecord({outcome: 'INTERNAL', ...outcome}), room);
  }
  const lines = linesOf(disk.file).slice(refusals);
  t.deepEqual(
    lines.map(({sequence, outcome}) => [sequence, outcome]),
    rooms.map((_, index) => [5001 + index, 'INTERNAL']),
  );
  t.true(lines.every(line => 'steps' in line || line.shortened === true));
  t.is(await disk.count('lost'), 5000 - refusals);
  t.is(await disk.count('written'), refusals + 60);
});

onDisk('required: a flood of refusals leaves room for changes', async t => {
  await using disk = await openSmallDisk('size=512k');
  const trail = disk.open({required: true});
  for (let i = 0; i < 2000; i++) trail.write(sampleRecord({outcome: 'PERMISSION_DENIED'}));
  disk.fill();
  const refusals = linesOf(disk.file).length;
  t.true(refusals > 100 && refusals < 2000, `${refusals}`);
  for (let i = 0; i < 100; i++) {
    trail.write(sampleRecord(), trail.reserve(octets));
    trail.write(sampleRecord({outcome: 'PERMISSION_DENIED'}));
  }
  t.is(linesOf(disk.file).length, refusals + 100);
  t.deepEqual(disk.names(), ['audit.failing'], 'the log says it once');
});

for (const type of ['ext4', 'ext2'] as const) {
  on(type)(`required: no change is without its line on a full ${type}`, async t => {
    await using disk = await openSmallDisk('rw', type);
    const trail = disk.open({required: true});
    const rooms = Array.from({length: 20}, () => trail.reserve(octets));
    disk.fill();
    t.throws(() => Array.from({length: 500}, () => trail.reserve(octets)), isFull);
    for (const room of rooms) trail.write(longRecord(8000), room);
    // ext2 has no fallocate(2), and the lines have to wait.
    if (type === 'ext4') t.is(linesOf(disk.file).length, 20);
    else t.true(disk.names().includes('audit.room_not_kept'));
    disk.free();
    trail.write(sampleRecord(), trail.reserve(octets));
    t.deepEqual(
      sequencesOf(disk.file),
      Array.from({length: 21}, (_, index) => index + 1),
    );
    t.is(await disk.count('lost'), 0);
  });
}

onDisk('required: a line longer than its room leaves out its steps where there is no more', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true});
  const steps = Array.from({length: 5000}, () => ({step: 'tunnel_down', error: 'x'.repeat(20)}));
  const room = trail.reserve(octets);
  disk.fill();
  trail.write(sampleRecord({steps, error: 'it failed'}), room);
  const [line] = linesOf(disk.file);
  t.like(line, {method: 'ProvisionTunnel', error: 'it failed', shortened: true});
  t.false('steps' in (line ?? {}));
});

onDisk('required: a line that was promised in vain is kept, and changes wait for it', async t => {
  await using disk = await openSmallDisk();
  // As file systems that write elsewhere than to what was allocated.
  const fallocate: Fallocate = () => {};
  const trail = disk.open({required: true, fallocate});
  const rooms = [trail.reserve(octets), trail.reserve(octets)];
  disk.fill();
  for (const room of rooms) trail.write(longRecord(5000), room);
  t.throws(() => trail.reserve(octets), isFull);
  trail.write(longRecord(5000)); // a refusal: nobody waits for that
  t.is(await disk.count('lost'), 1);
  disk.free();
  trail.write(sampleRecord(), trail.reserve(octets));
  t.deepEqual(sequencesOf(disk.file), [1, 2, 4]);
  t.is(await disk.count('written'), 3);
});

onDisk('required: a line that still waits at the end is counted as lost', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true, fallocate: () => {}});
  const room = trail.reserve(octets);
  disk.fill();
  trail.write(sampleRecord(), room);
  t.is(await disk.count('lost'), 0);
  trail[Symbol.dispose]();
  t.is(await disk.count('lost'), 1);
});

onDisk('required: room that turned out not to be there is asked for again', async t => {
  await using disk = await openSmallDisk();
  const real = kernelFallocate();
  let isHonest = false;
  const trail = disk.open({required: true, fallocate: (...args) => isHonest && real?.(...args)});
  const room = trail.reserve(octets);
  disk.fill();
  trail.write(longRecord(5000), room);
  isHonest = true;
  disk.free();
  const another = trail.reserve(octets);
  disk.fill();
  trail.write(longRecord(5000), another);
  t.deepEqual(sequencesOf(disk.file), [1, 2]);
});

onDisk('required: of a file that was emptied, room is asked for again', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true});
  trail.write(sampleRecord(), trail.reserve(octets));
  truncateSync(disk.file);
  const another = trail.reserve(octets);
  disk.fill();
  trail.write(longRecord(5000), another);
  t.deepEqual(sequencesOf(disk.file), [2]);
});

onDisk('required: to open the same file again does not give up the room of calls under way', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true});
  const room = trail.reserve(octets);
  disk.fill();
  trail.reopen();
  disk.fill();
  trail.write(longRecord(5000), room);
  t.deepEqual(sequencesOf(disk.file), [1]);
});

onDisk('required: where room cannot be kept, what is free is looked at', async t => {
  await using disk = await openSmallDisk();
  const unsupported = Object.assign(new Error('EOPNOTSUPP: fallocate'), {code: 'EOPNOTSUPP'});
  const fallocate: Fallocate = () => {
    throw unsupported;
  };
  const trail = disk.open({required: true, fallocate});
  t.deepEqual(disk.names(), ['audit.room_not_kept']);
  trail.write(sampleRecord(), trail.reserve(octets));
  disk.fill();
  t.throws(() => trail.reserve(octets), isFull);
  disk.free();
  trail.write(sampleRecord(), trail.reserve(octets));
  t.deepEqual(sequencesOf(disk.file), [1, 2]);
});

onDisk('required: a daemon that starts on a full disk refuses changes until there is room', async t => {
  await using disk = await openSmallDisk();
  disk.fill();
  const trail = disk.open({required: true});
  t.deepEqual(disk.names(), ['audit.failing']);
  t.throws(() => trail.reserve(octets), isFull);
  disk.free();
  trail.write(sampleRecord(), trail.reserve(octets));
  t.deepEqual(sequencesOf(disk.file), [1]);
});

onDisk('required: a file begun anew on a full disk does not take the room of calls under way', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open({required: true});
  const room = trail.reserve(octets);
  disk.fill({leaving: 1}); // less than what is promised
  renameSync(disk.file, `${disk.file}.1`);
  trail.reopen();
  t.deepEqual(disk.names(), ['audit.reopen_failed']);
  trail.write(sampleRecord(), room);
  t.deepEqual(sequencesOf(`${disk.file}.1`), [1]);
  disk.free();
  trail.reopen();
  trail.write(sampleRecord(), trail.reserve(octets));
  t.deepEqual(sequencesOf(disk.file), [2]);
  t.deepEqual(disk.names(), ['audit.reopen_failed', 'audit.reopened']);
});

onDisk('required: a file that is left or closed keeps no room', async t => {
  await using disk = await openSmallDisk('size=1m');
  const trail = disk.open({required: true});
  trail.write(sampleRecord(), trail.reserve(octets));
  const blocks = () => [`${disk.file}.1`, disk.file].map(path => statSync(path).blocks * 512);
  renameSync(disk.file, `${disk.file}.1`);
  trail.reopen();
  trail.write(sampleRecord(), trail.reserve(octets));
  const [former, current] = blocks();
  t.is(former, 4096);
  t.true((current ?? 0) > 4096);
  trail[Symbol.dispose]();
  t.deepEqual(blocks(), [4096, 4096]);
  t.deepEqual([sequencesOf(`${disk.file}.1`), sequencesOf(disk.file)], [[1], [2]]);
});

onDisk('not required: calls go on on a full disk, no line is torn, and what is lost is counted', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open();
  trail.write(sampleRecord());
  disk.fill();
  // The rest of the file's last page can still be written to, so the first of these is cut short by the kernel.
  for (let i = 0; i < 10; i++) trail.write(longRecord(5000), trail.reserve(octets));
  t.deepEqual(sequencesOf(disk.file), [1]);
  t.deepEqual(disk.names(), ['audit.failing']);
  disk.free();
  trail.write(sampleRecord());
  t.deepEqual(sequencesOf(disk.file), [1, 12]);
  t.deepEqual(disk.names(), ['audit.failing', 'audit.recovered']);
  t.like(disk.events[1], {records_lost: 10, changes_refused: 0});
  t.is(await disk.count('lost'), 10);
  t.is(await disk.count('written'), 2);
});

onDisk('not required: short lines that still fit on a full disk do not end the trouble', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open();
  trail.write(sampleRecord());
  disk.fill();
  for (let i = 0; i < 3; i++) {
    trail.write(longRecord(5000));
    trail.write(sampleRecord());
  }
  t.deepEqual(sequencesOf(disk.file), [1, 3, 5, 7]);
  t.deepEqual(disk.names(), ['audit.failing']);
});

onDisk('not required: the trouble is over when the longest lost line would fit', async t => {
  await using disk = await openSmallDisk('size=512k');
  const trail = disk.open();
  trail.write(sampleRecord());
  disk.fill();
  trail.write(longRecord(100_000));
  trail.write(longRecord(5000));
  disk.free();
  disk.fill({leaving: 20});
  trail.write(longRecord(5000));
  t.deepEqual(disk.names(), ['audit.failing']);
  disk.free();
  trail.write(longRecord(5000));
  t.deepEqual(disk.names(), ['audit.failing', 'audit.recovered']);
  t.deepEqual(sequencesOf(disk.file), [1, 4, 5]);
});

onDisk('half a line that cannot be taken back is ended before the next', async t => {
  await using disk = await openSmallDisk();
  const trail = disk.open();
  trail.write(sampleRecord());
  if (spawnSync('chattr', ['+a', disk.file]).status !== 0) {
    t.log('skipped: no file can be made append-only here');
    t.pass();
    return;
  }
  disk.fill();
  for (let i = 0; i < 2; i++) trail.write(longRecord(5000));
  disk.free();
  for (let i = 0; i < 2; i++) trail.write(sampleRecord());
  const text = readFileSync(disk.file, 'latin1');
  const lines = text.split('\n');
  t.is(lines.length, 5);
  t.throws(() => JSON.parse(lines[1] ?? ''), {instanceOf: SyntaxError});
  t.deepEqual(
    [0, 2, 3].map(index => JSON.parse(lines[index] ?? '').sequence),
    [1, 4, 5],
  );
  t.is(await disk.count('lost'), 2);
});

onDisk('a read-only file system is an error that names flag and file', async t => {
  await using disk = await openSmallDisk('size=64k,ro');
  const error = t.throws(() => disk.open(), {instanceOf: AuditError});
  t.is(error.message, `--audit-log ${disk.file}: EROFS: read-only file system, open '${disk.file}'`);
});
