import {spawnSync} from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {AuditError, AuditUnavailable} from '../../../src/access/audit.js';
import {linesOf, openFolderWorld, sampleRecord, sequencesOf} from './audit-world.js';

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('the file is made for its owner only, and records are numbered from one', async t => {
  using world = openFolderWorld();
  const trail = world.open();
  t.is(modeOf(world.file), 0o600);
  for (let i = 0; i < 3; i++) trail.write(sampleRecord());
  t.deepEqual(sequencesOf(world.file), [1, 2, 3]);
  t.is(await world.count('written'), 3);
  t.is(await world.count('lost'), 0);
  t.deepEqual(world.events, []);
});

test('a later run appends, with another name and its own numbers', t => {
  using world = openFolderWorld();
  for (let run = 0; run < 2; run++) {
    using trail = world.open();
    for (let i = 0; i < 2; i++) trail.write(sampleRecord());
  }
  t.deepEqual(sequencesOf(world.file), [1, 2, 1, 2]);
  const runs = linesOf(world.file).map(({run}) => run);
  t.is(new Set(runs).size, 2);
  for (const run of runs) t.regex(run, /^[0-9a-f]{12}$/);
});

test('half a line of a crashed run is ended before the next', t => {
  using world = openFolderWorld();
  writeFileSync(world.file, '{"time":"2026-11-23T10:', {mode: 0o600});
  const trail = world.open();
  for (let i = 0; i < 2; i++) trail.write(sampleRecord());
  const [half, ...lines] = readFileSync(world.file, 'latin1').split('\n');
  t.is(half, '{"time":"2026-11-23T10:');
  t.deepEqual(
    lines.slice(0, -1).map(line => JSON.parse(line).sequence),
    [1, 2],
  );
});

for (const required of [false, true]) {
  const world = () => {
    const folder = openFolderWorld();
    const trail = folder.open({required});
    return {...folder, trail, change: () => trail.write(sampleRecord(), trail.reserve(1000))};
  };
  const title = required ? 'required: ' : '';

  test(`${title}a file that is renamed is written on until it is opened anew, and no line is lost`, t => {
    using log = world();
    const underWay = log.trail.reserve(1000);
    for (let rotation = 3; rotation > 0; rotation--) {
      log.change();
      renameSync(log.file, `${log.file}.${rotation}`);
      log.change();
      log.trail.reopen();
    }
    log.trail.write(sampleRecord(), underWay);
    const files = [`${log.file}.3`, `${log.file}.2`, `${log.file}.1`, log.file].map(sequencesOf);
    t.deepEqual(files, [[1, 2], [3, 4], [5, 6], [7]]);
    t.deepEqual(log.names(), ['audit.reopened', 'audit.reopened', 'audit.reopened']);
    t.is(modeOf(log.file), 0o600);
  });

  test(`${title}to open the same file again changes nothing`, t => {
    using log = world();
    const underWay = log.trail.reserve(1000);
    log.change();
    log.trail.reopen();
    log.change();
    log.trail.write(sampleRecord(), underWay);
    t.deepEqual(sequencesOf(log.file), [1, 2, 3]);
  });

  test(`${title}a file that is deleted is made again`, t => {
    using log = world();
    log.change();
    rmSync(log.file);
    log.change();
    t.deepEqual(sequencesOf(log.file), [2]);
    t.deepEqual(log.names(), ['audit.file_was_deleted']);
  });

  test(`${title}a file that is emptied (copytruncate) goes on at its beginning`, t => {
    using log = world();
    log.change();
    truncateSync(log.file);
    log.change();
    t.deepEqual(sequencesOf(log.file), [2]);
  });

  test(`${title}what others append in between stays`, t => {
    using log = world();
    log.change();
    appendFileSync(log.file, '{"sequence":0}\n');
    log.change();
    log.trail.reopen();
    appendFileSync(log.file, '{"sequence":-1}\n');
    log.trail[Symbol.dispose]();
    t.deepEqual(sequencesOf(log.file), [1, 0, 2, -1]);
  });

  test(`${title}a record that is no JSON is lost, and nothing else`, async t => {
    using log = world();
    log.trail.write(sampleRecord({request: {spec: 7n}}), log.trail.reserve(1000));
    log.change();
    t.deepEqual(sequencesOf(log.file), [2]);
    t.is(await log.count('lost'), 1);
    t.deepEqual(log.names(), ['audit.failing', 'audit.recovered']);
  });
}

test('where the new file cannot be opened the former one is written on, and the log says so', t => {
  using world = openFolderWorld();
  const trail = world.open();
  renameSync(world.file, `${world.file}.1`);
  mkdirSync(world.file);
  trail.reopen();
  trail.write(sampleRecord());
  t.deepEqual(sequencesOf(`${world.file}.1`), [1]);
  t.like(world.events, [
    {level: 'error', message: 'audit.reopen_failed', reason: `--audit-log ${world.file} is a directory`},
  ]);
  rmSync(world.file, {recursive: true});
  trail.reopen();
  trail.write(sampleRecord());
  t.deepEqual(sequencesOf(world.file), [2]);
});

test('a folder that is deleted with the file: required changes are refused without its path, until it is back', async t => {
  using world = openFolderWorld();
  const file = join(world.directory, 'audit', 'a.log');
  mkdirSync(join(world.directory, 'audit'));
  const required = world.open({file, required: true});
  rmSync(join(world.directory, 'audit'), {recursive: true});
  t.throws(() => required.reserve(1000), {
    instanceOf: AuditUnavailable,
    message: 'no audit record can be written: ENOENT: no such file or directory',
  });
  required.write(sampleRecord());
  t.is(await world.count('lost'), 1);
  mkdirSync(join(world.directory, 'audit'));
  required.write(sampleRecord(), required.reserve(1000));
  t.deepEqual(sequencesOf(file), [2]);
});

test('without fallocate(2) what is free is looked at, and the log says so', t => {
  using world = openFolderWorld();
  const trail = world.open({required: true, fallocate: undefined});
  trail.write(sampleRecord(), trail.reserve(1000));
  t.deepEqual(sequencesOf(world.file), [1]);
  t.deepEqual(world.names(), ['audit.room_not_kept']);
  t.throws(() => trail.reserve(Number.MAX_SAFE_INTEGER), {instanceOf: AuditUnavailable, message: /: ENOSPC: /});
});

test('a closed trail refuses and loses, and does not throw', async t => {
  using world = openFolderWorld();
  const trail = world.open({required: true});
  trail[Symbol.dispose]();
  t.throws(() => trail.reserve(1000), {instanceOf: AuditUnavailable});
  trail.write(sampleRecord());
  t.is(await world.count('lost'), 1);
  t.is(readFileSync(world.file, 'latin1'), '');
});

const refusedAs = (t: ExecutionContext, world: {open(options: {file: string}): unknown}, file: string) =>
  t.throws(() => world.open({file}), {instanceOf: AuditError}).message.slice(`--audit-log ${file}`.length);

test('what cannot be an audit log is refused with flag, file and reason', t => {
  using world = openFolderWorld();
  const at = (name: string) => join(world.directory, name);
  mkdirSync(at('folder'));
  writeFileSync(at('file'), '', {mode: 0o600});
  symlinkSync('file', at('link'));
  symlinkSync('nothing', at('dangling'));
  t.is(spawnSync('mkfifo', [at('fifo')]).status, 0);
  t.is(refusedAs(t, world, at('folder')), ' is a directory');
  t.is(refusedAs(t, world, at('link')), ' is a symbolic link; name the file itself');
  t.is(refusedAs(t, world, at('dangling')), ' is a symbolic link; name the file itself');
  t.is(refusedAs(t, world, at('none/a.log')), ` cannot be made: the directory ${at('none')} does not exist`);
  t.is(refusedAs(t, world, at('file/a.log')), `: ENOTDIR: not a directory, open '${at('file/a.log')}'`);
  const notRegular = ' is no regular file; without the flag the lines go to the log';
  t.is(refusedAs(t, world, at('fifo')), notRegular);
  t.is(refusedAs(t, world, '/dev/null'), notRegular);
  t.is(refusedAs(t, world, '/dev/stdout'), ' is a symbolic link; name the file itself');
});

for (const mode of [0o620, 0o602, 0o666]) {
  const text = mode.toString(8);
  test(`a file of mode 0${text}, which others may write to, is refused`, t => {
    using world = openFolderWorld();
    writeFileSync(world.file, '');
    chmodSync(world.file, mode);
    const reason = ` others than its owner may write to it (mode 0${text}): chmod go-w ${world.file}`;
    t.is(refusedAs(t, world, world.file), reason);
  });
}

test('a file that others may read is used as it is', t => {
  using world = openFolderWorld();
  writeFileSync(world.file, '');
  chmodSync(world.file, 0o644);
  world.open().write(sampleRecord());
  t.is(modeOf(world.file), 0o644);
  t.deepEqual(sequencesOf(world.file), [1]);
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;
asRoot('a file of somebody else is refused', t => {
  using world = openFolderWorld();
  writeFileSync(world.file, '', {mode: 0o600});
  chownSync(world.file, 65_534, 65_534);
  const reason = " belongs to uid 65534, who could change it; it must be the daemon's or root's";
  t.is(refusedAs(t, world, world.file), reason);
});
