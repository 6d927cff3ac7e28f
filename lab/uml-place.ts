import {existsSync} from 'node:fs';
import {mkdir, statfs} from 'node:fs/promises';
import {join} from 'node:path';
import {runGuest, type Start} from './guest.js';
import {copyInit, tiedIfPermitted} from './own-kernel.js';
import type {Outcome, Place, RunOptions} from './place.js';
import {missingPrograms} from './programs.js';

const modules = '/usr/lib/uml/modules';
const memory = 1 << 30;

/** User-mode Linux keeps its memory in an unlinked file: in /dev/shm where that is large enough, as it is not in Docker. */
async function memoryFolder(folder: string): Promise<string> {
  const shm = await statfs('/dev/shm').catch(() => undefined);
  return shm && shm.bavail * shm.bsize > memory ? '/dev/shm' : folder;
}

async function start(folder: string): Promise<Start> {
  const init = await copyInit(folder);
  await mkdir(join(folder, 'uml'));
  const command = [
    ...tiedIfPermitted(),
    'linux.uml',
    `mem=${memory >> 20}M`,
    ...['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${init}`, 'quiet'],
    ...['con=null', 'con0=null,fd:1', 'ssl0=null,fd:3'],
    `uml_dir=${join(folder, 'uml')}`,
    // Unknown to the kernel, and therefore in init's environment.
    ...[`LAB_FOLDER=${folder}`, `LAB_MODULES=${modules}`, 'LAB_OUTPUT=ttyS0'],
  ];
  return {command, env: {...process.env, TMPDIR: await memoryFolder(folder)}};
}

/** User-mode Linux: a whole Debian kernel as one ordinary process, on the host's own files. */
export class UmlPlace implements Place {
  readonly name = 'uml';
  readonly ownsKernel = true;
  readonly abortsSockets = false;
  readonly patience = 1;

  missing(): string | undefined {
    const programs = missingPrograms(['linux.uml', 'modprobe', 'ip', 'ping', 'tcpdump']);
    if (programs) return programs;
    return existsSync(modules) ? undefined : `${modules} is missing (Debian package user-mode-linux)`;
  }

  run(command: readonly string[], options: RunOptions): Promise<Outcome> {
    return runGuest(start, command, options);
  }
}
