import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Controller} from './controller.js';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';
import {projectFolder} from './place.js';

export interface DaemonOptions {
  readonly namespace: Namespace;
  readonly socket: string;
  /** Where it writes to. */
  readonly logFile: string;
  /** Where it keeps its state; beside the log file, unless told otherwise. */
  readonly stateDir?: string;
  /** Flags besides `--socket` and `--state-dir`. */
  readonly flags?: readonly string[];
  /** The daemon's program, where it is not the one that users start. */
  readonly program?: string;
  /** Program and arguments to start it through, such as `setpriv`. */
  readonly through?: readonly string[];
}

const main = join(projectFolder, 'dist/src/main.js');

/** The daemon as users start it, a process of its own, and a controller connected to its socket. */
export class Daemon implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  readonly controller: Controller;

  private constructor({namespace, socket, logFile, stateDir, program = main, flags = [], through = []}: DaemonOptions) {
    const log = openSync(logFile, 'a');
    const own = ['--socket', socket, '--state-dir', stateDir ?? `${logFile}.state`];
    const command = [...through, process.execPath, '--enable-source-maps', program, ...own, ...flags];
    const [first = '', ...args] = command;
    this.#process = namespace.spawn(first, args, ['ignore', log, log]);
    closeSync(log);
    this.#exited = once(this.#process, 'exit');
    this.controller = new Controller(socket);
  }

  /** Resolves when the daemon answers on its socket. Rejects when it exits before that, or takes too long. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    const exited = daemon.#exited.then(([status]) => {
      throw new Error(`the daemon exited with status ${status}: ${readFileSync(options.logFile, 'utf8').trim()}`);
    });
    try {
      await Promise.race([daemon.controller.ready(new Date(Date.now() + patience * 40_000)), exited]);
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    exited.catch(() => undefined);
    return daemon;
  }

  /** Its process ID: what it is started through replaces itself by it. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves when the process has ended, by itself or not. */
  async ended(): Promise<void> {
    await this.#exited;
  }

  /** Stops the process for the time of the work: to it, all that is done meanwhile happens in one moment. */
  async whileFrozen<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#process.kill('SIGSTOP');
    try {
      return await work();
    } finally {
      this.#process.kill('SIGCONT');
    }
  }

  /** Sends the signal and resolves to the exit status when the process has ended. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#process.kill(signal);
    await this.#exited;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.controller[Symbol.dispose]();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.stop('SIGKILL');
  }
}
