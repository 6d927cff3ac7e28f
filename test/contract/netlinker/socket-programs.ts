import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {on, once} from 'node:events';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import type {Plan, SocketPlan} from './socket-plan.js';

const file = fileURLToPath(new URL('socket-program.js', import.meta.url));

/** A process that holds sockets, and what it says of them. */
export class SocketProgram implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string[]>;

  private constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = on(createInterface({input: this.#child.stdout}), 'line', {close: ['close']});
  }

  /** Resolves when all its sockets are open. */
  static async start(name: string, sockets: readonly SocketPlan[]): Promise<SocketProgram> {
    return SocketProgram.#ready(new SocketProgram(process.execPath, [file, name, JSON.stringify(sockets)]));
  }

  /** Resolves when it says that it is ready. */
  static async python(source: string): Promise<SocketProgram> {
    return SocketProgram.#ready(new SocketProgram('python3', ['-c', source]));
  }

  static async #ready(program: SocketProgram): Promise<SocketProgram> {
    const line = await program.hears();
    if (line === 'ready') return program;
    await program[Symbol.asyncDispose]();
    throw new Error(`the program says ${line} instead of being ready`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next thing that happens to one of its sockets, for example `0 ECONNABORTED`. `undefined` at its end. */
  async hears(): Promise<string | undefined> {
    const {value} = await this.#lines.next();
    return value?.[0];
  }

  /** So many of them, sorted, or all until its end: sockets are aborted in any order. */
  async hearsAll(count = Number.POSITIVE_INFINITY): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const line = await this.hears();
      if (line === undefined) break;
      lines.push(line);
    }
    return lines.sort();
  }

  /** Makes it send something through the socket in that place of its plan. */
  write(place: number): void {
    this.#child.stdin.write(`write ${place}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** Starts the programs one after the other, since one may connect to another; by their names. */
export async function startPrograms(plan: Plan): Promise<Map<string, SocketProgram>> {
  const programs = new Map<string, SocketProgram>();
  try {
    for (const [name, sockets] of Object.entries(plan)) programs.set(name, await SocketProgram.start(name, sockets));
    return programs;
  } catch (error) {
    await endPrograms(programs);
    throw error;
  }
}

export async function endPrograms(programs: ReadonlyMap<string, SocketProgram>): Promise<void> {
  await Promise.all([...programs.values()].map(program => program[Symbol.asyncDispose]()));
}
