import {type ChildProcessByStdio, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync, rmSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import type {Readable, Writable} from 'node:stream';
import {openAuditWorld} from './audit-world.js';

/** Without privileges a file system can only be mounted in a user namespace, where the host allows that. */
const namespaces = process.geteuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

const probe = spawnSync('unshare', [...namespaces, 'mount', '-t', 'tmpfs', 'none', '/mnt'], {encoding: 'utf8'});

/** Why no file system can be mounted here. */
export const obstacle = probe.error?.message ?? (probe.status === 0 ? undefined : probe.stderr.trim());

/**
 * A tmpfs of its own in a mount namespace of its own, with an audit log on it; reached through /proc, so that nothing is
 * mounted on the host and everything is gone with the process that holds it.
 */
export async function openSmallDisk(options = 'size=128k') {
  const script = `mount -t tmpfs -o ${options} none /mnt && echo ready && exec cat > /dev/null`;
  const holder: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'unshare',
    [...namespaces, '--propagation', 'private', 'sh', '-c', script],
    {stdio: ['pipe', 'pipe', 'inherit']},
  );
  await once(holder.stdout, 'data');
  const directory = `/proc/${holder.pid}/root/mnt`;
  const filler = join(directory, 'filler');
  const world = openAuditWorld(directory);
  return {
    ...world,
    fill() {
      const fd = openSync(filler, 'a');
      try {
        for (const octets of [4096, 1]) while (grows(fd, octets));
      } finally {
        closeSync(fd);
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
