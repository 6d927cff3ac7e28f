import {type ChildProcess, execFile} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {promisify} from 'node:util';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';

const execute = promisify(execFile);
const programs = '/usr/lib/frr';

/** What a scenario with FRR in it needs on the machine. */
export const frrPrograms = ['vtysh', ...['zebra', 'bgpd', 'pimd'].map(name => join(programs, name))];

type DaemonName = 'zebra' | 'bgpd' | 'pimd';

/** Milliseconds. FRR's own timers are seconds long. */
const timeoutMs = patience * 60_000;

/** FRR as the routing of a namespace: a device that shares no code with the daemon. */
export class Frr implements AsyncDisposable {
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(
    readonly namespace: Namespace,
    readonly folder: string,
  ) {}

  /** Starts the daemons that a configuration is given for, zebra first, and resolves when they answer. */
  static async start(namespace: Namespace, configurations: Partial<Record<DaemonName, string>>): Promise<Frr> {
    const frr = new Frr(namespace, `/run/frr-${namespace.name}`);
    await execute('install', ['-d', '-o', 'frr', '-g', 'frr', frr.folder]);
    try {
      for (const [name, configuration] of Object.entries(configurations)) await frr.#start(name, configuration);
      return frr;
    } catch (error) {
      await frr[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What a command of one of the daemons prints. */
  async show(daemon: DaemonName, command: string): Promise<string> {
    return (await execute('vtysh', ['--vty_socket', this.folder, '-d', daemon, '-c', command])).stdout;
  }

  async json<Value>(daemon: DaemonName, command: string): Promise<Value> {
    return JSON.parse(await this.show(daemon, `${command} json`)) as Value;
  }

  /** What a daemon has logged so far. */
  log(daemon: DaemonName): string {
    return readFileSync(this.logFile(daemon), 'utf8');
  }

  /** Where a daemon logs to. */
  logFile(daemon: DaemonName): string {
    return this.#path(`${daemon}.log`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#processes.values()].toReversed()) await end(child);
  }

  /** Ends a daemon without a word and starts it again: it has forgotten everything. */
  async restart(daemon: DaemonName): Promise<void> {
    const child = this.#processes.get(daemon);
    if (child) await end(child);
    await this.#run(daemon);
  }

  async #start(name: string, configuration: string): Promise<void> {
    const log = `log file ${this.#path(`${name}.log`)}\nlog timestamp precision 6\n`;
    await writeFile(this.#path(`${name}.conf`), `${log}${configuration}\n`);
    await writeFile(this.#path(`${name}.log`), '', {mode: 0o666});
    await execute('chown', ['frr:frr', this.#path(`${name}.log`)]);
    await this.#run(name);
  }

  async #run(name: string): Promise<void> {
    const own = ['-f', this.#path(`${name}.conf`), '-i', this.#path(`${name}.pid`)];
    const shared = ['-z', this.#path('zserv.api'), '--vty_socket', this.folder, '-P', '0'];
    const child = this.namespace.spawn(join(programs, name), [...own, ...shared], ['ignore', 'ignore', 'ignore']);
    this.#processes.set(name, child);
    await eventually(`${name} answers`, async () => void (await this.show(name as DaemonName, 'show version')));
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/**
 * Looks again and again, every `period` milliseconds, until looking no longer throws; then what it found. There is
 * nothing in FRR to be waited for.
 */
export async function eventually<Found>(what: string, look: () => Promise<Found>, period = 100): Promise<Found> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`not within ${timeoutMs / 1000} s: ${what}: ${(error as Error).message}`, {cause: error});
      await delay(period);
    }
  }
}
