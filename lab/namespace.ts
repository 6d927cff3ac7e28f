import {type ChildProcess, execFile, spawn} from 'node:child_process';
import {promisify} from 'node:util';

const execute = promisify(execFile);

/**
 * A named network namespace. Starting a process is dear in user-mode Linux (30 ms), so configuration goes through one
 * `ip -batch` wherever possible.
 */
export class Namespace {
  constructor(readonly name: string) {}

  /** What `ip` prints. Rejects with its message. */
  async ip(...args: string[]): Promise<string> {
    return (await execute('ip', ['-n', this.name, ...args], {maxBuffer: 1 << 26})).stdout;
  }

  /** Runs the commands, one a line, in one process; the options apply to all of them. */
  batch(commands: string, ...options: string[]): Promise<string> {
    return ipBatch(commands, ['-n', this.name, ...options]);
  }

  /** Runs a program in the namespace. Rejects where its status is not 0, with what it wrote. */
  async run(command: string, ...args: string[]): Promise<string> {
    return (await execute('ip', ['netns', 'exec', this.name, command, ...args])).stdout;
  }

  /** Starts a program in the namespace. */
  spawn(command: string, args: readonly string[], stdio: Parameters<typeof spawn>[2]['stdio']): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, command, ...args], {stdio});
  }
}

/** Runs commands in one `ip`, without a namespace of its own. */
export async function ipBatch(commands: string, options: readonly string[] = []): Promise<string> {
  const running = execute('ip', [...options, '-batch', '-'], {maxBuffer: 1 << 26});
  running.child.stdin?.end(commands);
  return (await running).stdout;
}
