import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {chmod, copyFile, mkdir, statfs} from 'node:fs/promises';
import {join} from 'node:path';
import {runGuest, type Start, tiedToCaller} from './guest.js';
import type {Outcome, Place, RunOptions} from './place.js';
import {projectFolder} from './place.js';
import {missingPrograms} from './programs.js';

const modules = '/usr/lib/uml/modules';
const memory = 1 << 30;

/** Nothing where that is not permitted: to other users, and in containers. User-mode Linux itself needs no privilege. */
function tied(): readonly string[] {
  const [program = '', ...args] = [...tiedToCaller, 'true'];
  if (spawnSync(program, args).status !== 0) return [];
  // User-mode Linux cannot be process 1: it panics with a signal to itself, which the kernel keeps from process 1.
  return [...tiedToCaller, 'sh', '-c', '"$@"; exit', 'sh'];
}

/** User-mode Linux keeps its memory in an unlinked file: in /dev/shm where that is large enough, as it is not in Docker. */
async function memoryFolder(folder: string): Promise<string> {
  const shm = await statfs('/dev/shm').catch(() => undefined);
  return shm && shm.bavail * shm.bsize > memory ? '/dev/shm' : folder;
}

async function start(folder: string): Promise<Start> {
  // The kernel's command line knows no quotes, so nothing on it may contain a space: init is a copy in the folder.
  const init = join(folder, 'init');
  await copyFile(join(projectFolder, 'lab/uml-init.sh'), init);
  await chmod(init, 0o755);
  await mkdir(join(folder, 'uml'));
  const command = [
    ...tied(),
    'linux.uml',
    `mem=${memory >> 20}M`,
    ...['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${init}`, 'quiet'],
    ...['con=null', 'con0=null,fd:1', 'ssl0=null,fd:3'],
    `uml_dir=${join(folder, 'uml')}`,
    // Unknown to the kernel, and therefore in init's environment.
    `LAB_FOLDER=${folder}`,
  ];
  return {command, env: {...process.env, TMPDIR: await memoryFolder(folder)}};
}

/** User-mode Linux: a whole Debian kernel as one ordinary process, on the host's own files. */
export class UmlPlace implements Place {
  readonly name = 'uml';
  readonly ownsKernel = true;

  missing(): string | undefined {
    const programs = missingPrograms(['linux.uml', 'modprobe', 'ip', 'ping', 'tcpdump']);
    if (programs) return programs;
    return existsSync(modules) ? undefined : `${modules} is missing (Debian package user-mode-linux)`;
  }

  run(command: readonly string[], options: RunOptions): Promise<Outcome> {
    return runGuest(start, command, options);
  }
}
