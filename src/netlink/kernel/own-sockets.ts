import {readdir, readlink} from 'node:fs/promises';

/** The inode in what a descriptor of a socket links to. `undefined` for other descriptors. */
export function socketInode(link: string): number | undefined {
  const digits = /^socket:\[(\d+)\]$/.exec(link)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The inodes of this process's own sockets. Rejects where /proc does not show them. */
export async function ownSocketInodes(): Promise<ReadonlySet<number>> {
  const folder = '/proc/self/fd';
  const descriptors = await readdir(folder);
  // A descriptor may be closed by now: the one that the listing itself needed is.
  const links = await Promise.all(descriptors.map(name => readlink(`${folder}/${name}`).catch(() => '')));
  return new Set(links.flatMap(link => socketInode(link) ?? []));
}
