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

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = on(createInterface({input: child.stdout}), 'line', {close: ['close']});
  }

  /** Resolves when all its sockets are open. */
  static async start(name: string, sockets: readonly SocketPlan[]): Promise<SocketProgram> {
    const child = spawn(process.execPath, [file, name, JSON.stringify(sockets)]);
    child.stderr.pipe(process.stderr);
    const program = new SocketProgram(child);
    const line = await program.hears();
    if (line !== 'ready') throw new Error(`${name} says ${line}`);
    return program;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next thing that happens to one of its sockets, for example `0 ECONNABORTED`. `undefined` at its end. */
  async hears(): Promise<string | undefined> {
    const {value} = await this.#lines.next();
    return value?.[0];
  }

  /** Makes it send something through the socket in that place of its plan. */
  write(place: number): void {
    this.#child.stdin.write(`write ${place}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
