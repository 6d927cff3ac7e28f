import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {Controller} from '../controller.js';
import type {Namespace} from '../namespace.js';
import type {Fault} from './actions.js';
import type {FiredFault} from './model.js';
import type {Answer, Order, Request} from './orders.js';
import type {Resources} from './resources.js';

const program = fileURLToPath(new URL('soaking-daemon.js', import.meta.url));

export interface SoakedDaemonOptions {
  readonly namespace: Namespace;
  readonly socket: string;
  readonly logFile: string;
  readonly stateDir: string;
  readonly flags: readonly string[];
  /** Gives the other end of a new device to the far side. */
  readonly cable: (name: string, remote: string) => Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The daemon in a process of its own, which can be asked what it has open, and whose kernel can be made to refuse. */
export class SoakedDaemon implements AsyncDisposable {
  readonly controller: Controller;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #options: SoakedDaemonOptions;
  #lastId = 0;

  private constructor(options: SoakedDaemonOptions) {
    this.#options = options;
    const {namespace, socket, logFile, stateDir, flags} = options;
    const log = openSync(logFile, 'a');
    const node = [process.execPath, '--expose-gc', '--enable-source-maps', program];
    const own = ['--socket', socket, '--state-dir', stateDir];
    // It ends with whoever started it.
    const command = ['--pdeathsig', 'KILL', ...node, ...own, ...flags];
    this.#process = namespace.spawn('setpriv', command, ['ignore', log, log, 'ipc']);
    closeSync(log);
    this.#exited = once(this.#process, 'exit');
    this.#process.once('exit', () => {
      for (const {reject} of this.#waiting.values()) reject(this.#ended());
    });
    this.#process.on('message', (message: Answer | Request) => void this.#heard(message));
    this.controller = new Controller(socket);
  }

  /** Resolves when the daemon answers on its socket. */
  static async start(options: SoakedDaemonOptions): Promise<SoakedDaemon> {
    const daemon = new SoakedDaemon(options);
    const exited = daemon.#exited.then(() => {
      throw daemon.#ended();
    });
    exited.catch(() => undefined);
    try {
      await Promise.race([daemon.controller.ready(new Date(Date.now() + 60_000)), exited]);
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** The end of what it has logged. */
  log(lines = 16): string {
    return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  async arm(faults: readonly Fault[]): Promise<void> {
    await this.#order({does: 'arm', faults});
  }

  async disarm(): Promise<void> {
    await this.#order({does: 'disarm'});
  }

  /** What the kernel was made to refuse since this was last asked. */
  async fired(): Promise<FiredFault[]> {
    return (await this.#order({does: 'fired'})) as FiredFault[];
  }

  async measure(): Promise<Resources> {
    return (await this.#order({does: 'measure'})) as Resources;
  }

  /** Tells it to stop and resolves to its exit status. */
  async stop(): Promise<number | null> {
    this.controller[Symbol.dispose]();
    this.#process.kill('SIGTERM');
    await this.#exited;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.controller[Symbol.dispose]();
    if (this.hasEnded) return;
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  #order(order: WithoutId<Order>): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.hasEnded) reject(this.#ended());
      this.#waiting.set(id, {resolve, reject});
      this.#process.send({...order, id}, error => error && reject(this.#ended()));
    });
  }

  async #heard(message: Answer | Request): Promise<void> {
    if ('cable' in message) {
      await this.#options.cable(message.name, message.remote);
      if (this.#process.connected) this.#process.send({cabled: message.cable});
      return;
    }
    this.#waiting.get(message.id)?.resolve(message.value);
    this.#waiting.delete(message.id);
  }

  #ended(): Error {
    return new Error(`the daemon has ended; its log: ${this.log()}`);
  }
}
