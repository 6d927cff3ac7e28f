import {type ChildProcessByStdio, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync, rmSync, writeFileSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import type {Readable, Writable} from 'node:stream';
import {openAuditWorld} from './audit-world.js';

/** Without privileges a file system can only be mounted in a user namespace, where the host allows that. */
const isRoot = process.geteuid?.() === 0;
const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

const mounts = {
  tmpfs: (options: string) => `mount -t tmpfs -o ${options} none /mnt`,
  // In a file without a name, on the host's disk; the loop device goes with the mount.
  ext4: (options: string) => loopMount('ext4', options),
  ext2: (options: string) => loopMount('ext2', options),
};
export type FileSystem = keyof typeof mounts;

const loopMount = (type: string, options: string) =>
  `image=$(mktemp) && trap 'rm $image' EXIT && truncate -s 4M $image && mkfs.ext4 -q -F -t ${type} -m 0 $image &&
  mount -o loop,${options} $image /mnt && trap - EXIT && rm $image`;

/** Why a file system cannot be mounted here. */
export function obstacle(type: FileSystem): string | undefined {
  const args = [...namespaces, '--propagation', 'private', 'sh', '-c', mounts[type]('rw')];
  const {error, status, stderr} = spawnSync('unshare', args, {encoding: 'utf8'});
  return error?.message ?? (status === 0 ? undefined : stderr.trim());
}

/**
 * A small file system of its own in a mount namespace of its own, with an audit log on it; reached through /proc, so that
 * nothing is mounted on the host and everything is gone with the process that holds it.
 */
export async function openSmallDisk(options = 'size=128k', type: FileSystem = 'tmpfs') {
  const script = `${mounts[type](options)} && echo ready && exec cat > /dev/null`;
  const holder: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'unshare',
    [...namespaces, '--propagation', 'private', 'sh', '-c', script],
    {stdio: ['pipe', 'pipe', 'inherit']},
  );
  const failed = once(holder, 'exit').then(([code]) => {
    throw new Error(`unshare ended with ${code}`);
  });
  await Promise.race([once(holder.stdout, 'data'), failed]);
  failed.catch(() => {}); // by then it is the end of the test
  const directory = `/proc/${holder.pid}/root/mnt`;
  const filler = join(directory, 'filler');
  const world = openAuditWorld(directory);
  const users = isRoot ? [] : ['--user', '--preserve-credentials'];
  return {
    ...world,
    /** Begins the command of a program that shall see the file system, at `/mnt`. */
    enter: ['nsenter', '--target', String(holder.pid), ...users, '--mount'],
    /** All but so many pages of 4096 octets. */
    fill({leaving = 0} = {}) {
      const spare = join(directory, 'spare');
      writeFileSync(spare, Buffer.alloc(leaving * 4096));
      const fd = openSync(filler, 'a');
      try {
        for (const octets of [4096, 1]) while (grows(fd, octets));
      } finally {
        closeSync(fd);
        rmSync(spare);
      }
    },
    free: () => rmSync(filler),
    async [Symbol.asyncDispose]() {
      world[Symbol.dispose]();
      holder.stdin.end();
      await once(holder, 'exit');
    },
  };
}

function grows(fd: number, octets: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(octets)) > 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
