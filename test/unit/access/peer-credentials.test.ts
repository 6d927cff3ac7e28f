import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod} from 'node:fs/promises';
import {connect, createServer, Socket} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {localCallerOf, PeerUnknown} from '../../../src/access/peer-credentials.js';
import {temporaryFolder} from '../../temporary-folder.js';

/** A server that anybody may connect to, and what it knows of who does. */
async function listen() {
  const folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  const path = join(folder.path, 's');
  // Paused, so that the end of a program that is gone is not read, and the connection stays.
  const server = createServer({pauseOnConnect: true});
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o777);
  return {
    path,
    async accept(): Promise<Socket> {
      const [socket] = await once(server, 'connection');
      return socket;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Becomes somebody, calls itself something, connects, and ends when told. */
const program = `
import ctypes, os, socket, sys
path, uid, gid, groups, name = sys.argv[1:]
if name: ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
if groups: os.setgroups([int(group) for group in groups.split(',')])
if gid: os.setgid(int(gid))
if uid: os.setuid(int(uid))
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
sys.stdin.read()
`;

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly name?: string;
}

function startCaller(path: string, {uid, gid, groups = [], name = ''}: Identity): ChildProcess & Disposable {
  const args = ['-c', program, path, String(uid ?? ''), String(gid ?? ''), groups.join(','), name];
  const child = spawn('python3', args, {stdio: ['pipe', 'inherit', 'inherit']});
  return Object.assign(child, {[Symbol.dispose]: () => void child.kill('SIGKILL')});
}

/** What is known of a caller while it waits. */
async function callerFrom(identity: Identity) {
  await using server = await listen();
  const connection = server.accept();
  using child = startCaller(server.path, identity);
  const died = once(child, 'exit').then(([code, signal]) => Promise.reject(new Error(`exited: ${code ?? signal}`)));
  const socket = await Promise.race([connection, died]);
  died.catch(() => undefined);
  const caller = localCallerOf(socket);
  socket.destroy();
  return {caller, pid: child.pid};
}

test('a connection from this process is known by its user, groups, ID and name', async t => {
  await using server = await listen();
  const connection = server.accept();
  const own = connect(server.path);
  const socket = await connection;
  const {gids, ...caller} = localCallerOf(socket);
  own.destroy();
  socket.destroy();
  t.deepEqual(caller, {kind: 'local', uid: process.geteuid?.() ?? -1, pid: process.pid, program: caller.program});
  t.regex(caller.program, /^\S+$/);
  t.is(gids[0], process.getegid?.());
  t.deepEqual(new Set(gids), new Set([process.getegid?.(), ...(process.getgroups?.() ?? [])]));
});

/** Nobody but root may become somebody else. */
function asRoot(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (process.getuid?.() === 0 || process.env.CI === 'true') test(title, body);
  else test.skip(`${title}: only root may become another user`, t => t.fail());
}

asRoot('another user is known with all groups, the effective one first', async t => {
  const {caller, pid} = await callerFrom({uid: 4242, gid: 4343, groups: [4444, 4343, 4545]});
  t.like(caller, {kind: 'local', uid: 4242, pid});
  t.is(caller.gids[0], 4343);
  t.deepEqual([...caller.gids].sort(), [4343, 4444, 4545]);
});

asRoot('a user of very many groups is known with all of them', async t => {
  const groups = Array.from({length: 1000}, (_, index) => 100_000 + index);
  const {caller} = await callerFrom({uid: 4242, gid: 99, groups});
  t.deepEqual(
    [...caller.gids].sort((a, b) => a - b),
    [99, ...groups],
  );
});

asRoot('a user of exactly as many groups as there is room for at first', async t => {
  const groups = Array.from({length: 32}, (_, index) => 100_000 + index);
  const {caller} = await callerFrom({uid: 4242, gid: 99, groups});
  t.deepEqual(
    [...caller.gids].sort((a, b) => a - b),
    [99, ...groups],
  );
});

asRoot('IDs with the highest bit set are what they are', async t => {
  const {caller} = await callerFrom({uid: 4_294_967_290, gid: 4_294_967_291});
  t.like(caller, {uid: 4_294_967_290, gids: [4_294_967_291]});
});

const names: [name: string, shown: string][] = [
  ['tunnels', 'tunnels'],
  ['two words', 'two words'],
  ['a\nb\r\u001b[31mc', 'a\uFFFDb\uFFFD\uFFFD[31mc'],
  ['line\n', 'line\uFFFD'],
  ['\u202efdp.exe', '\uFFFDfdp.exe'],
  ['"},{"uid":0', '"},{"uid":0'],
  ['größer', 'größer'],
  // The kernel keeps 15 octets, here the first half of the last letter.
  ['fourteen.lettersß', 'fourteen.letter'],
  ['fourteen.leterß', 'fourteen.leter\uFFFD'],
];
for (const [name, shown] of names) {
  test(`a program that calls itself ${JSON.stringify(name)} is shown as ${JSON.stringify(shown)}`, async t => {
    const {caller} = await callerFrom({name});
    t.is(caller.program, shown);
  });
}

test('a program that has ended is known by its user still, and without a name', async t => {
  await using server = await listen();
  const connection = server.accept();
  using child = startCaller(server.path, {});
  const socket = await connection;
  child.stdin?.end();
  await once(child, 'exit');
  const {uid, pid, program} = localCallerOf(socket);
  socket.destroy();
  t.deepEqual({uid, pid, program}, {uid: process.getuid?.() ?? -1, pid: child.pid ?? -1, program: ''});
});

test('of a connection that is closed nothing can be known', async t => {
  await using server = await listen();
  const connection = server.accept();
  const own = connect(server.path);
  const socket = await connection;
  socket.destroy();
  t.throws(() => localCallerOf(socket), {instanceOf: PeerUnknown, message: 'the connection is closed'});
  own.destroy();
});

test('who is at a TCP connection is not told by the kernel', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = once(server, 'connection');
  const address = server.address();
  const own = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  const [socket] = await connection;
  t.throws(() => localCallerOf(socket), {instanceOf: PeerUnknown});
  own.destroy();
  socket.destroy();
  server.close();
});

test('a socket that does not show its descriptor is an error that names the version of Node.js', t => {
  const socket = new Socket();
  Object.defineProperty(socket, '_handle', {value: {}});
  t.throws(() => localCallerOf(socket), {instanceOf: PeerUnknown, message: new RegExp(`Node.js ${process.version}`)});
});
