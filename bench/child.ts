import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

export const daemonProgram = fileURLToPath(new URL('../src/main.js', import.meta.url));
export const programHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A server in a process of its own. */
export class Child implements AsyncDisposable {
  private constructor(private readonly process: ChildProcess) {}

  /** Resolves when the program has written a line that contains `ready`; rejects when it ends before. */
  static async start(...args: string[]): Promise<Child> {
    const child = spawn(process.execPath, args, {stdio: ['ignore', 'pipe', 'inherit']});
    const lines = createInterface(child.stdout);
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', line => line.includes('ready') && resolve());
      lines.once('close', () => reject(new Error(`${args[0]} has ended`)));
    });
    await ready;
    return new Child(child);
  }

  /** Bytes in memory. */
  residentMemory(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const {exitCode, signalCode} = this.process;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exited;
  }
}

/** A folder, gone afterwards. */
export async function temporaryFolder(parent = tmpdir()) {
  const path = await mkdtemp(join(parent, 'doublezerod-bench-'));
  return {
    path,
    socket: (name: string) => join(path, `${name}.sock`),
    [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true}),
  };
}
