import {once} from 'node:events';
import {chmod, lstat, mkdir, mkdtemp, rename, rm, stat, unlink} from 'node:fs/promises';
import type {Server} from 'node:net';
import {dirname, join, resolve} from 'node:path';
import {isAnswered} from '../local-socket.js';
import {longestSocketPath} from './listen-address.js';
import {ListenError} from './listen-error.js';

/** The daemon's user and the socket's group may call, nobody else. */
const socketMode = 0o660;
const folderMode = 0o755;

/** Removes the socket file, unless another daemon has put its own there since. */
export type RemoveSocket = () => Promise<void>;

/**
 * Listens on a Unix socket of mode 0660. A missing parent folder is created (0755), a stale socket file replaced.
 *
 * The socket is bound in a private folder and moved into place when its mode is right: between bind(2) and chmod(2)
 * anyone could connect, and a umask is the whole process's.
 *
 * @throws {ListenError} where a live daemon has the socket, the path is something else, or the system refuses
 */
export async function listenOnUnixSocket(server: Server, path: string, flag: string): Promise<RemoveSocket> {
  const folder = dirname(path);
  try {
    await createFolder(folder);
    await refuseUnlessFree(path, flag);
    const privateFolder = await mkdtemp(join(folder, '.bind-'));
    try {
      const boundPath = join(privateFolder, 's');
      if (Buffer.byteLength(boundPath) > longestSocketPath) {
        throw new ListenError(flag, `${folder} is too long a path for a socket to be made in`);
      }
      server.listen(boundPath);
      await once(server, 'listening');
      await chmod(boundPath, socketMode);
      const {ino} = await stat(boundPath);
      await rename(boundPath, path);
      return async () => {
        if ((await inode(path)) === ino) await rm(path, {force: true});
      };
    } finally {
      await rm(privateFolder, {recursive: true, force: true});
    }
  } catch (error) {
    if (server.listening) server.close();
    if (error instanceof ListenError) throw error;
    throw new ListenError(flag, `cannot listen on ${path}: ${(error as Error).message}`, {cause: error});
  }
}

/** Whatever the umask, callers get to the socket. */
async function createFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, {recursive: true});
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= resolve(first).length; made = dirname(made))
    await chmod(made, folderMode);
}

/** Removes a stale socket; throws where something else, or a live daemon, is at the path. */
async function refuseUnlessFree(path: string, flag: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return;
  if (!found.isSocket()) throw new ListenError(flag, `${path} exists and is not a socket`);
  if (await isAnswered(path)) throw new ListenError(flag, `${path} is in use: a daemon is listening there`);
  await unlink(path).catch(ignoreMissing);
}

const inode = async (path: string) => (await lstat(path).catch(ignoreMissing))?.ino;

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
