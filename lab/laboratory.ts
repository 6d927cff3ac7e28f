import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {performance} from 'node:perf_hooks';
import {Daemon, type DaemonOptions} from './daemon.js';
import {LinkMonitor} from './link-monitor.js';
import type {Namespace} from './namespace.js';
import {NetlinkTap} from './netlink-tap.js';
import type {Report} from './report.js';
import {Topology} from './topology.js';

/** What every scenario gets: a fresh topology, the kernel's link notifications on the daemon's side, and steps. */
export class Laboratory implements AsyncDisposable {
  readonly host: Namespace;
  readonly device: Namespace;
  readonly logFile: string;
  /** Not beside the log: that folder may be another user's, and the daemon, which is root here, uses no such folders. */
  readonly stateDir: string;
  readonly #resources: AsyncDisposable[];

  private constructor(
    readonly scenario: string,
    private readonly report: (report: Report) => void,
    topology: Topology,
    readonly links: LinkMonitor,
  ) {
    this.host = topology.host;
    this.device = topology.device;
    this.#resources = [topology, links];
    this.logFile = join(process.env.LAB_FOLDER ?? '/run', `${scenario}.log`);
    this.stateDir = join('/run', `${scenario}.state`);
  }

  static async open(scenario: string, report: (report: Report) => void): Promise<Laboratory> {
    const topology = await Topology.create();
    try {
      return new Laboratory(scenario, report, topology, await LinkMonitor.open(topology.host));
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Does one thing that is worth a line with its timing. A string it resolves to is shown there. */
  async step<T>(title: string, body: () => Promise<T>): Promise<T> {
    this.report({type: 'begin', scenario: this.scenario, step: title});
    const start = performance.now();
    const result = await body();
    const took = performance.now() - start;
    const detail = typeof result === 'string' ? {detail: result} : {};
    this.report({type: 'end', scenario: this.scenario, step: title, took, ...detail});
    return result;
  }

  /** From now on, what programs in the host's namespace ask the kernel for. */
  async tapNetlink(): Promise<NetlinkTap> {
    const tap = await NetlinkTap.open(this.host);
    this.#resources.push(tap);
    return tap;
  }

  /** Starts the daemon in the host's namespace. It is killed at the end of the scenario, if it still runs then. */
  async startDaemon(options: Pick<DaemonOptions, 'flags' | 'through'> = {}): Promise<Daemon> {
    mkdirSync('/run/doublezerod', {recursive: true});
    const daemon = await Daemon.start({
      namespace: this.host,
      socket: '/run/doublezerod/doublezerod.sock',
      logFile: this.logFile,
      stateDir: this.stateDir,
      ...options,
    });
    this.#resources.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.toReversed()) await resource[Symbol.asyncDispose]();
  }
}
