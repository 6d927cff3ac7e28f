import {execFileSync} from 'node:child_process';
import {chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** Some user who is nobody here. */
export const stranger = 4242;
const asStranger = [`--reuid=${stranger}`, `--regid=${stranger}`, '--clear-groups'];

const bind = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

/**
 * A place where any user can run the daemon: a copy of Node.js, since the one of the tests may be in root's home, and the
 * project by a path that does not lead through it either. Takes root.
 */
export class AnyUsersPlace {
  readonly #path = mkdtempSync(join(tmpdir(), 'doublezerod-test-'));
  readonly #project = join(this.#path, 'project');

  constructor() {
    chmodSync(this.#path, 0o777);
    mkdirSync(this.#project);
    this.nodeWith();
  }

  /** A path for a socket. */
  socket(name: string): string {
    return join(this.#path, name);
  }

  /** Starts the daemon as another user, by setpriv(1) with these options. */
  command(options: readonly string[], node = this.nodePath()): string[] {
    return [
      ...['unshare', '--mount', 'sh', '-c', bind, 'sh', project, this.#project],
      ...['setpriv', ...asStranger, ...options, node, join(this.#project, 'dist/src/main.js')],
    ];
  }

  /** A copy of Node.js whose file has these capabilities, by their numbers, permitted and effective. */
  nodeWith(...capabilities: number[]): string {
    const path = this.nodePath(...capabilities);
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
    if (capabilities.length > 0)
      execFileSync('python3', ['-c', setFileCapabilities, path, ...capabilities.map(String)]);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, {recursive: true, force: true});
  }

  private nodePath(...capabilities: number[]): string {
    return join(this.#path, ['node', ...capabilities].join('-'));
  }
}

/** struct vfs_cap_data of revision 2; the effective flag is bit 0. */
const setFileCapabilities = `
import os, struct, sys
permitted = sum(1 << int(number) for number in sys.argv[2:])
os.setxattr(sys.argv[1], 'security.capability', struct.pack('<IIIII', 0x02000001, permitted, 0, 0, 0))
`;

/** Lines of /proc/PID/status in which each thread of the process says what it holds, and how many threads agree. */
export function heldBy(pid: number): {threads: number; held: Record<string, string>[]} {
  const folder = `/proc/${pid}/task`;
  const threads = readdirSync(folder).map(thread => readFileSync(join(folder, thread, 'status'), 'utf8'));
  const held = threads.map(status =>
    Object.fromEntries(
      [...status.matchAll(/^(Cap\w+|NoNewPrivs):\s*(\w+)$/gm)].map(([, name = '', value = '']) => [name, value]),
    ),
  );
  const different = new Map(held.map(sets => [JSON.stringify(sets), sets]));
  return {threads: threads.length, held: [...different.values()]};
}

/** A set as /proc writes it. */
export const set = (...capabilities: number[]): string =>
  capabilities
    .reduce((bits, number) => bits | (1n << BigInt(number)), 0n)
    .toString(16)
    .padStart(16, '0');
