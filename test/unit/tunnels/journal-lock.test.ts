import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {JournalError} from '../../../src/tunnels/journal.js';
import {StateLock} from '../../../src/tunnels/state-lock.js';

async function openFolder() {
  const path = await mkdtemp(join(tmpdir(), 'doublezerod-lock-'));
  return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true})};
}

/** Another process that has the lock until it is killed. */
async function holder(path: string): Promise<ChildProcess> {
  const program = `
    const {StateLock} = await import(process.argv[1]);
    await StateLock.take(process.argv[2]);
    console.log('taken');
    setInterval(() => {}, 1000);`;
  const module = new URL('../../../src/tunnels/state-lock.js', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, module, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return child;
}

test('a second daemon is refused, with the flag and the directory named', async t => {
  await using folder = await openFolder();
  await using _first = await StateLock.take(folder.path);
  const error = await t.throwsAsync(StateLock.take(folder.path), {instanceOf: JournalError});
  t.is(error.message, `--state-dir ${folder.path}: another doublezerod works with it; give each its own`);
});

test('a lock let go of can be taken again, and nothing of it stays', async t => {
  await using folder = await openFolder();
  for (let round = 0; round < 3; round++) {
    await using _lock = await StateLock.take(folder.path);
    t.is((await readdir(folder.path)).length, 1);
  }
  t.deepEqual(await readdir(folder.path), []);
});

test('the lock of a live process holds, that of a killed one does not', async t => {
  await using folder = await openFolder();
  const child = await holder(folder.path);
  await t.throwsAsync(StateLock.take(folder.path), {instanceOf: JournalError});
  child.kill('SIGKILL');
  await once(child, 'exit');
  await using _lock = await StateLock.take(folder.path);
  await t.throwsAsync(StateLock.take(folder.path), {instanceOf: JournalError});
});

test('of many that want the lock of a dead daemon at once no two get it', async t => {
  await using folder = await openFolder();
  const child = await holder(folder.path);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const results = await Promise.allSettled(Array.from({length: 20}, () => StateLock.take(folder.path)));
  const taken = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  t.true(taken.length <= 1, `${taken.length} have it`);
  for (const lock of taken) await lock[Symbol.asyncDispose]();
});

test('of two that start at the same moment no more than one gets it', async t => {
  await using folder = await openFolder();
  const results = await Promise.allSettled([StateLock.take(folder.path), StateLock.take(folder.path)]);
  const taken = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  t.true(taken.length <= 1);
  for (const lock of taken) await lock[Symbol.asyncDispose]();
  await using _next = await StateLock.take(folder.path);
});

test('a path too long for a socket is none too long for the lock', async t => {
  await using folder = await openFolder();
  await using _lock = await StateLock.take(join(folder.path, 'x'.repeat(200)));
  t.pass();
});

test('a directory that cannot be made is an error that names the flag', async t => {
  await using folder = await openFolder();
  const path = join(folder.path, 'file/folder');
  await writeFile(join(folder.path, 'file'), '');
  const error = await t.throwsAsync(StateLock.take(path), {instanceOf: JournalError});
  t.true(error.message.startsWith(`--state-dir ${path}: ENOTDIR`), error.message);
});
