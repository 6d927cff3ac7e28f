import {once} from 'node:events';
import {mkdir, readdir, rename, stat, symlink, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import test from 'ava';
import {DaemonInfo} from '../../src/rpc/generated/doublezero/tunnel/v1/daemon_info.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {ListenError} from '../../src/rpc/listen-error.js';
import {answer, loopback, serve, temporaryFolder} from './plumbing.js';

const at = (path: string) => parseListenAddress(`unix:${path}`, '--socket');
const daemonInfo = {getDaemonInfo: {handle: () => DaemonInfo.create({version: '1'})}};

test('the socket is there for user and group only, in a folder made for it', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'run', 'deep', 'd.sock');
  await using world = await serve(daemonInfo, {addresses: [at(path)]});
  t.is((await stat(path)).mode & 0o777, 0o660);
  t.is((await stat(join(folder.path, 'run', 'deep'))).mode & 0o777, 0o755);
  t.deepEqual(await readdir(join(folder.path, 'run', 'deep')), ['d.sock']);
  const info = await answer<{version: string}>(done => world.client.getDaemonInfo({}, done));
  t.is(info.version, '1');
});

test('a folder that is there keeps its mode', async t => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'private'), {mode: 0o700});
  await using _world = await serve({}, {addresses: [at(join(folder.path, 'private', 'd.sock'))]});
  t.is((await stat(join(folder.path, 'private'))).mode & 0o777, 0o700);
});

test('the socket is gone after the server', async t => {
  await using folder = await temporaryFolder();
  const world = await serve({}, {addresses: [at(join(folder.path, 'd.sock'))]});
  await world[Symbol.asyncDispose]();
  t.deepEqual(await readdir(folder.path), []);
});

test('a socket that nobody listens on is replaced', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'd.sock');
  await leaveStaleSocket(path);
  await using world = await serve(daemonInfo, {addresses: [at(path)]});
  await t.notThrowsAsync(answer(done => world.client.getDaemonInfo({}, done)));
});

test('a socket that a daemon listens on is left to it', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'd.sock');
  await using first = await serve(daemonInfo, {addresses: [at(path)]});
  const error = await t.throwsAsync(serve({}, {addresses: [at(path)]}), {instanceOf: ListenError});
  t.is(error.message, `--socket: ${path} is in use: a daemon is listening there`);
  await t.notThrowsAsync(answer(done => first.client.getDaemonInfo({}, done)));
});

test('a server that ends leaves alone what has taken its place', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'd.sock');
  const first = await serve({}, {addresses: [at(path)]});
  await rename(path, join(folder.path, 'moved.sock'));
  await using second = await serve(daemonInfo, {addresses: [at(path)]});
  await first[Symbol.asyncDispose]();
  await t.notThrowsAsync(answer(done => second.client.getDaemonInfo({}, done)));
});

const notSockets: [what: string, make: (path: string) => Promise<void>][] = [
  ['file', path => writeFile(path, 'precious')],
  ['folder', async path => void (await mkdir(path))],
  ['symbolic link', path => symlink('/nowhere', path)],
];
for (const [what, make] of notSockets) {
  test(`a ${what} in the place of the socket is not touched`, async t => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'd.sock');
    await make(path);
    const error = await t.throwsAsync(serve({}, {addresses: [at(path)]}), {instanceOf: ListenError});
    t.is(error.message, `--socket: ${path} exists and is not a socket`);
    t.deepEqual(await readdir(folder.path), ['d.sock']);
  });
}

test('a folder that cannot be made is an error that says so', async t => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  const path = join(folder.path, 'file', 'd.sock');
  const error = await t.throwsAsync(serve({}, {addresses: [at(path)]}), {instanceOf: ListenError});
  t.regex(error.message, /^--socket: cannot listen on .*EEXIST/);
});

test('listeners opened before one that fails are closed again', async t => {
  await using folder = await temporaryFolder();
  const [good, bad] = [join(folder.path, 'good.sock'), join(folder.path, 'bad.sock')];
  await writeFile(bad, '');
  await t.throwsAsync(serve({}, {addresses: [at(good), loopback(), at(bad)]}), {instanceOf: ListenError});
  t.deepEqual(await readdir(folder.path), ['bad.sock']);
});

/** What a daemon that was killed leaves behind. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.bound`);
  await once(server, 'listening');
  await rename(`${path}.bound`, path); // closing unlinks the path that was bound
  server.close();
  await once(server, 'close');
}
