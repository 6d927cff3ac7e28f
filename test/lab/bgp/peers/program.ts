import {type ChildProcess, spawn} from 'node:child_process';
import {EventEmitter, on, once} from 'node:events';
import {createInterface} from 'node:readline';

/** A program that runs beside the test and says what it does, line by line. It ends with the thread that started it. */
export class Program implements AsyncDisposable {
  /** What it wrote, to standard output and standard error, in the order it came. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #emitter = new EventEmitter();
  readonly #ended: Promise<unknown>;

  constructor([program = '', ...args]: readonly string[]) {
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {stdio: 'pipe'});
    this.#ended = once(this.#child, 'close');
    this.#child.stdin?.on('error', () => undefined); // it has ended, and whoever waits for an answer is told
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({input: stream}).on('line', line => {
        this.lines.push(line);
        this.#emitter.emit('line', line);
      });
    }
    this.#child.on('close', () => this.#emitter.emit('end'));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** The first line that matches, of those from the given one on and those to come. Rejects with all that was said. */
  async said(matches: (line: string) => boolean, what: string, from = 0, timeoutMs = 60_000): Promise<string> {
    const past = this.lines.slice(from).find(matches);
    if (past !== undefined) return past;
    // Not `AbortSignal.any` and `timeout`: on Node.js 20 such a signal may be collected before it has fired.
    const enough = new AbortController();
    const stop = () => enough.abort();
    const timer = setTimeout(stop, timeoutMs);
    this.#emitter.once('end', stop);
    try {
      if (!this.hasEnded)
        for await (const [line] of on(this.#emitter, 'line', {signal: enough.signal})) if (matches(line)) return line;
    } catch {
      // Too late, or the program has ended.
    } finally {
      clearTimeout(timer);
      this.#emitter.off('end', stop);
    }
    throw new Error(
      `${this.hasEnded ? 'ended without' : `not within ${timeoutMs} ms`}: ${what}\n${this.lines.join('\n')}`,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has ended; `status` is `null` where a signal did it. */
  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }
}
