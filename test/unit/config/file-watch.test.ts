import {mkdir, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {type FileWatch, watchFiles} from '../../../src/config/file-watch.js';
import {temporaryFolder} from '../../temporary-folder.js';

/** Nothing happens in these tests unless they ask for it: the timer's time never comes. */
const never = {period: 2 ** 31 - 1};

interface World {
  readonly path: string;
  readonly watch: FileWatch;
  /** Calls so far. */
  readonly calls: () => number;
  /** Puts other text in place of the file, by a rename; other than that which was there before. */
  readonly swap: () => Promise<void>;
}

const watched = test.macro({
  title: (behaviour = '') => behaviour,
  async exec(t, body: (t: ExecutionContext, world: World) => Promise<void>) {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, 'a');
    let calls = 0;
    using watch = watchFiles([path], () => void calls++, never);
    let length = 1;
    const swap = async () => {
      await writeFile(`${path}.new`, 'a'.repeat(++length));
      await rename(`${path}.new`, path);
    };
    await body(t, {path, watch, calls: () => calls, swap});
  },
});

test('a file that stays as it is causes no call', watched, async (t, {watch, calls}) => {
  await watch.look();
  await watch.look();
  await watch.check();
  t.is(calls(), 0);
});

test('what is written into a file is seen, once', watched, async (t, {path, watch, calls}) => {
  await writeFile(path, 'other');
  await watch.check();
  await watch.check();
  t.is(calls(), 1);
});

test('a rename over the file is seen, and the next one too', watched, async (t, {watch, calls, swap}) => {
  await swap();
  await watch.check();
  await swap();
  await watch.check();
  t.is(calls(), 2);
});

test('a change between the call and the first look is seen', watched, async (t, {watch, calls, swap}) => {
  await swap();
  await watch.look();
  await watch.look();
  t.is(calls(), 1);
});

test('a file that vanishes is seen, and that it comes back', watched, async (t, {path, watch, calls}) => {
  await rm(path);
  await watch.check();
  t.is(calls(), 1);
  await watch.check();
  t.is(calls(), 1);
  await writeFile(path, 'a');
  await watch.check();
  t.is(calls(), 2);
});

test('a burst of changes is one call, when the files have come to rest', watched, async (t, {watch, calls, swap}) => {
  for (let change = 0; change < 5; change++) {
    await swap();
    await watch.look();
    t.is(calls(), 0);
  }
  await watch.look();
  t.is(calls(), 1);
  await watch.look();
  t.is(calls(), 1);
});

test('a file that never comes to rest is told all the same', watched, async (t, {watch, calls, swap}) => {
  for (let change = 0; change < 20; change++) {
    await swap();
    await watch.look();
  }
  t.is(calls(), 1);
});

test('a refresh is a call without a change', watched, async (t, {watch, calls}) => {
  await watch.refresh();
  t.is(calls(), 1);
  await watch.check();
  t.is(calls(), 1);
});

test('nothing is called once the watch is disposed of', watched, async (t, {watch, calls, swap}) => {
  await swap();
  const look = watch.check();
  watch[Symbol.dispose]();
  await look;
  await watch.refresh();
  t.is(calls(), 0);
});

test('nothing is called when the watch is disposed of in the middle of a look', watched, async (t, world) => {
  const {watch, calls, swap} = world;
  await swap();
  const look = watch.check();
  // The look has begun, and the file system cannot have answered: that comes by way of the event loop.
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  watch[Symbol.dispose]();
  await look;
  t.is(calls(), 0);
});

test('a link further up that is flipped is seen, as Kubernetes does it', async t => {
  await using folder = await temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  for (const [version, text] of [
    ['..1', 'old'],
    ['..2', 'new'],
  ] as const) {
    await mkdir(at(version));
    await writeFile(at(version, 'tls.crt'), text);
    await writeFile(at(version, 'tls.key'), text);
  }
  await symlink('..1', at('..data'));
  for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), at(name));
  let calls = 0;
  using watch = watchFiles([at('tls.crt'), at('tls.key')], () => void calls++, never);
  await watch.check();
  t.is(calls, 0);
  await symlink('..2', at('..data_tmp'));
  await rename(at('..data_tmp'), at('..data'));
  await watch.check();
  t.is(calls, 1);
  await rm(at('..1'), {recursive: true});
  await watch.check();
  t.is(calls, 1);
});

test('a file that is not there yet is seen when it comes, and its folder may come with it', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'later', 'file');
  let calls = 0;
  using watch = watchFiles([path], () => void calls++, never);
  await watch.check();
  t.is(calls, 0);
  await mkdir(join(folder.path, 'later'));
  await writeFile(path, 'a');
  await watch.check();
  t.is(calls, 1);
});

test('calls do not overlap', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  let running = 0;
  const seen: number[] = [];
  using watch = watchFiles(
    [path],
    async () => {
      seen.push(++running);
      await writeFile(path, 'a'.repeat(seen.length));
      running--;
    },
    never,
  );
  await Promise.all([watch.refresh(), watch.check(), watch.look(), watch.refresh()]);
  t.true(seen.length >= 3);
  t.true(seen.every(count => count === 1));
});

test('the timer finds a change by itself', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  // Unlike this one, the timer of a watch does not keep the process up.
  const alive = setInterval(() => undefined, 1000);
  let watch: FileWatch | undefined;
  const seen = new Promise<void>(resolve => {
    watch = watchFiles([path], resolve, {period: 10});
  });
  await writeFile(path, 'a');
  await seen;
  watch?.[Symbol.dispose]();
  clearInterval(alive);
  t.pass();
});
