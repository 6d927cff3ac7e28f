import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';

const timeoutMs = patience * 60_000;

/** A program that tells by lines what it does. */
export class LineProgram implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  #wake = () => {};

  constructor(namespace: Namespace, command: string, ...args: string[]) {
    this.#process = namespace.spawn(command, args, ['ignore', 'pipe', 'inherit']);
    const {stdout} = this.#process;
    if (stdout === null) throw new Error(`no output from ${command}`);
    createInterface({input: stdout}).on('line', line => {
      this.lines.push(line);
      this.#wake();
    });
  }

  count(line: string): number {
    return this.lines.filter(other => other === line).length;
  }

  /** Resolves when it has printed the line so many times more. */
  async more(line: string, times = 1): Promise<void> {
    const wanted = this.count(line) + times;
    const deadline = AbortSignal.timeout(timeoutMs);
    while (this.count(line) < wanted) {
      if (deadline.aborted) throw new Error(`not within ${timeoutMs / 1000} s: ${times} more of '${line}'`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => resolve(), {once: true});
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
