import assert from 'node:assert/strict';
import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {type Tunnel, TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import type {TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {type Controller, Refusal} from '../controller.js';
import {Daemon} from '../daemon.js';
import type {Namespace} from '../namespace.js';
import {patience} from '../patience.js';
import {kernelState} from './kernel-state.js';

type Spec = Partial<TunnelSpec>;

/** Work in the midst of which the daemon is killed, and the tunnels before and after it. */
export interface CrashCase {
  readonly title: string;
  readonly from?: Spec;
  readonly to?: Spec;
}

const program = fileURLToPath(new URL('crashing-daemon.js', import.meta.url));

/** A host whose daemon is killed after each single change of the kernel, and started again. */
export class CrashMatrix implements AsyncDisposable {
  readonly #clean = new Map<string, string[]>();

  private constructor(
    private readonly namespace: Namespace,
    private readonly folder: string,
    private daemon: Daemon,
  ) {}

  static async open(namespace: Namespace, folder: string): Promise<CrashMatrix> {
    return new CrashMatrix(namespace, folder, await startDaemon(namespace, folder));
  }

  /** Resolves to how many points there were. Rejects where after one of them the kernel is not as the journal says. */
  async run({title, from, to}: CrashCase): Promise<number> {
    for (const spec of [undefined, from, to]) await this.#note(spec);
    for (let nth = 1; ; nth++) {
      await this.#become(from);
      this.#arm(nth);
      const work = from && to ? this.#controller.update(to) : to ? this.#controller.provision(to) : this.#clear();
      const isThrough = await work.then(
        () => true,
        (error: unknown) => this.#wasCutOff(error),
      );
      this.#arm(undefined);
      if (isThrough) return nth - 1;
      await this.daemon[Symbol.asyncDispose]();
      this.daemon = await startDaemon(this.namespace, this.folder);
      const [tunnel] = await this.#restored();
      const where = `${title}: killed after change ${nth}`;
      assert.deepEqual(await kernelState(this.namespace), this.#clean.get(tunnel?.etag ?? ''), where);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
  }

  /** Resolves to `false` when the daemon has died; throws what it has refused instead. */
  async #wasCutOff(error: unknown): Promise<false> {
    if (!(error instanceof Refusal) || error.code !== 'UNAVAILABLE') throw error;
    await this.daemon.ended();
    return false;
  }

  get #controller(): Controller {
    return this.daemon.controller;
  }

  #arm(nth: number | undefined): void {
    const file = join(stateDir(this.folder), 'crash');
    if (nth === undefined) rmSync(file, {force: true});
    else writeFileSync(file, JSON.stringify({nth, at: Date.now()}));
  }

  async #clear(): Promise<void> {
    for (const {name} of await this.#controller.list()) await this.#controller.remove(name);
  }

  async #become(spec: Spec | undefined): Promise<Tunnel | undefined> {
    await this.#clear();
    return spec && this.#controller.provision(spec);
  }

  /** What the kernel has of the spec where nothing goes wrong. */
  async #note(spec: Spec | undefined): Promise<void> {
    const tunnel = await this.#become(spec);
    const key = tunnel?.etag ?? '';
    if (!this.#clean.has(key)) this.#clean.set(key, await kernelState(this.namespace));
  }

  /** The tunnels, when the daemon is through with what it found in its journal. */
  async #restored(): Promise<Tunnel[]> {
    const deadline = Date.now() + patience * 60_000;
    for (;;) {
      const tunnels = await this.#controller.list();
      if (tunnels.every(({state}) => state === TunnelState.TUNNEL_STATE_UP)) return tunnels;
      if (Date.now() > deadline) throw new Error(`not restored: ${JSON.stringify(tunnels)}`);
      await delay(10);
    }
  }
}

const logFile = (folder: string): string => join(folder, 'daemon.log');
const stateDir = (folder: string): string => `${logFile(folder)}.state`;

const startDaemon = (namespace: Namespace, folder: string): Promise<Daemon> =>
  Daemon.start({
    namespace,
    program,
    socket: join(folder, 'daemon.sock'),
    logFile: logFile(folder),
    flags: ['--teardown-linger', '0'],
  });
