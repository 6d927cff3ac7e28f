import {type Dir, opendirSync, readFileSync, readlinkSync} from 'node:fs';
import {performance} from 'node:perf_hooks';
import {setImmediate as nextTurn} from 'node:timers/promises';
import type {HostSocket, SocketHolder} from '../host-socket.js';
import {socketInode} from './own-sockets.js';

export interface SearchLimits {
  /** Milliseconds after which the search ends with what it found. */
  readonly total?: number;
  /** Milliseconds of work before others get their turn. */
  readonly slice?: number;
}

/**
 * Looks through the descriptors of every process. Synchronously, in slices: a call to /proc takes microseconds, a promise
 * for each would cost many times that. A process that ends meanwhile, or may not be looked into, is passed over.
 */
export async function findSocketHolders(
  sockets: readonly HostSocket[],
  {total = 2000, slice = 5}: SearchLimits = {},
): Promise<SocketHolder[]> {
  const wanted = new Map(sockets.filter(({inode}) => inode !== 0).map(socket => [socket.inode, socket]));
  const holders: SocketHolder[] = [];
  if (wanted.size === 0) return holders;
  const end = performance.now() + total;
  let pause = performance.now() + slice;
  for (const pid of names('/proc')) {
    if (!isNumber(pid)) continue;
    const held = new Set<HostSocket>();
    for (const descriptor of names(`/proc/${pid}/fd`)) {
      const socket = wanted.get(inodeOf(`/proc/${pid}/fd/${descriptor}`) ?? 0);
      if (socket !== undefined) held.add(socket);
      if (performance.now() < pause) continue;
      if (performance.now() >= end) break;
      await nextTurn();
      pause = performance.now() + slice;
    }
    const command = held.size === 0 ? undefined : commandOf(pid);
    if (command !== undefined) holders.push({pid: Number(pid), command, sockets: [...held]});
    if (performance.now() >= end) break;
  }
  return holders.sort((a, b) => a.pid - b.pid);
}

const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** What is in a folder of /proc, in pieces: a process may have 100,000 descriptors. */
function* names(path: string): Generator<string> {
  let folder: Dir | undefined;
  try {
    folder = opendirSync(path);
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) yield entry.name;
  } catch {
    // The process ended, or is somebody else's.
  } finally {
    folder?.closeSync();
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return socketInode(readlinkSync(path));
  } catch {
    return undefined; // closed meanwhile
  }
}

function commandOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined; // ended meanwhile, and its sockets with it
  }
}
