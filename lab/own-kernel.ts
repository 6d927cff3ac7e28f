import {spawnSync} from 'node:child_process';
import {chmod, copyFile} from 'node:fs/promises';
import {join} from 'node:path';
import {tiedToCaller} from './guest.js';
import {projectFolder} from './place.js';

/**
 * What to start a kernel through so that it ends with this process. Nothing where that is not permitted: to other users,
 * and in containers. The kernels themselves need no privilege.
 */
export function tiedIfPermitted(): readonly string[] {
  const [program = '', ...args] = [...tiedToCaller, 'true'];
  if (spawnSync(program, args).status !== 0) return [];
  // User-mode Linux cannot be process 1: it panics with a signal to itself, which the kernel keeps from process 1.
  return [...tiedToCaller, 'sh', '-c', '"$@"; exit', 'sh'];
}

/** A kernel's command line knows no quotes, so nothing on it may contain a space: init is a copy in the folder. */
export async function copyInit(folder: string): Promise<string> {
  const init = join(folder, 'init');
  await copyFile(join(projectFolder, 'lab/kernel-init.sh'), init);
  await chmod(init, 0o755);
  return init;
}
