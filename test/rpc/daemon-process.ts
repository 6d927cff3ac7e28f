import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import {credentials} from '@grpc/grpc-js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {controllerOf} from './controller.js';
import {temporaryFolder} from './plumbing.js';

/** The program. */
export const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. `through`: program and arguments to start it by. */
export async function runToEnd(args: readonly string[], through: readonly string[] = []): Promise<Ended> {
  const [program = '', ...rest] = [...through, process.execPath, main, ...args];
  const child = spawn(program, rest, {stdio: ['ignore', 'pipe', 'pipe']});
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return {code: code as number | null, stdout, stderr};
}

export type LogLine = Readonly<Record<string, unknown>> & {readonly message: string};

/** The daemon as users start it, on a model host and a socket of its own, and what it writes. */
export class DaemonProcess implements AsyncDisposable {
  /** Standard output as it came. */
  readonly output: string[] = [];
  #stderr = '';
  readonly #waiting = new Set<() => void>();
  readonly #closed: Promise<unknown>;
  readonly #client: TunnelServiceClient;
  readonly controller: ReturnType<typeof controllerOf>;

  private constructor(
    readonly socket: string,
    readonly child: ChildProcess,
  ) {
    if (!child.stdout || !child.stderr) throw new TypeError('started without pipes');
    createInterface(child.stdout).on('line', line => {
      this.output.push(line);
      this.#notify();
    });
    child.stderr.setEncoding('utf8').on('data', (data: string) => {
      this.#stderr += data;
    });
    this.#closed = once(child, 'close').then(() => this.#notify());
    this.#client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure());
    this.controller = controllerOf(this.#client);
  }

  /** Resolves when it says that it is ready. */
  static start(socket: string, ...flags: string[]): Promise<DaemonProcess> {
    return DaemonProcess.startBy([process.execPath, main], socket, ...flags);
  }

  /** The same by another command, to which the flags are added. The process that it begins as has to become the daemon. */
  static async startBy(command: readonly string[], socket: string, ...flags: string[]): Promise<DaemonProcess> {
    const [program = '', ...args] = [...command, '--socket', socket, '--netlink', 'memory', ...flags];
    const daemon = new DaemonProcess(socket, spawn(program, args, {stdio: ['ignore', 'pipe', 'pipe']}));
    try {
      await daemon.line('daemon.ready');
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  /** What it has logged so far. Throws for a line that is not one JSON object. */
  get lines(): LogLine[] {
    return this.output.map(line => JSON.parse(line) as LogLine);
  }

  /** Resolves to the first line with this message, as soon as there is one; rejects when the process ends before. */
  async line(message: string): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(line => line.message === message);
      if (found) return found;
      if (this.#hasEnded) throw new Error(`the daemon ended without ${message}: ${this.#stderr}`);
      await new Promise<void>(resolve => this.#waiting.add(resolve));
    }
  }

  /** Resolves to how it ended, when it has. */
  async ended(): Promise<Ended> {
    await this.#closed;
    return {code: this.child.exitCode, stdout: this.output.join('\n'), stderr: this.#stderr};
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    if (!this.#hasEnded) await this.stop('SIGKILL');
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  #notify(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** A folder for a test's sockets. */
export async function socketFolder() {
  const folder = await temporaryFolder();
  return {...folder, socket: join(folder.path, 'd.sock')};
}
