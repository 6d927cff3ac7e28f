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
  /** A tunnel in the other slot meanwhile: with one in each there is no slot to be swept as a whole. */
  readonly beside?: Spec;
  /** The journal is gone with the daemon. Its device is nobody's then and stays, but no rule may go on to act. */
  readonly losesJournal?: true;
}

const slots = ['doublezero0', 'doublezero1'];
const rulesOf = (state: readonly string[] = []): string[] => state.filter(line => line.startsWith('rule '));

const program = fileURLToPath(new URL('crashing-daemon.js', import.meta.url));

/** A host whose daemon is killed after each single change of the kernel, and started again. */
export class CrashMatrix implements AsyncDisposable {
  readonly #clean = new Map<string, string[]>();
  #beside: string | undefined;

  private constructor(
    private readonly namespace: Namespace,
    private readonly folder: string,
    private daemon: Daemon,
  ) {}

  static async open(namespace: Namespace, folder: string): Promise<CrashMatrix> {
    return new CrashMatrix(namespace, folder, await startDaemon(namespace, folder));
  }

  /** Resolves to how many points there were. Rejects where after one of them the kernel is not as the journal says. */
  async run({title, from, to, beside, losesJournal}: CrashCase): Promise<number> {
    this.#beside = beside && (await this.#controller.provision(beside)).name;
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
      if (losesJournal) rmSync(join(stateDir(this.folder), 'tunnels.json'));
      this.daemon = await startDaemon(this.namespace, this.folder);
      const wanted = this.#clean.get(keyOf(await this.#restored()));
      const found = await kernelState(this.namespace);
      const where = `${title}: killed after change ${nth}`;
      if (losesJournal) assert.deepEqual(rulesOf(found), rulesOf(wanted), where);
      else assert.deepEqual(found, wanted, where);
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
    for (const {name} of await this.#controller.list()) if (name !== this.#beside) await this.#controller.remove(name);
  }

  async #become(spec: Spec | undefined): Promise<void> {
    await this.#clear();
    if (spec) await this.#controller.provision(spec);
  }

  /** What the kernel has of the spec where nothing goes wrong. */
  async #note(spec: Spec | undefined): Promise<void> {
    await this.#become(spec);
    const key = keyOf(await this.#controller.list());
    if (!this.#clean.has(key)) this.#clean.set(key, await kernelState(this.namespace));
  }

  /** The tunnels, when the daemon is through with what it found in its journal. */
  async #restored(): Promise<Tunnel[]> {
    const deadline = Date.now() + patience * 60_000;
    for (;;) {
      const tunnels = await this.#controller.list();
      if (tunnels.every(({state}) => state === TunnelState.TUNNEL_STATE_UP)) {
        for (const name of slots) if (!tunnels.some(tunnel => tunnel.name === name)) await this.#swept(name);
        return tunnels;
      }
      if (Date.now() > deadline) throw new Error(`not restored: ${JSON.stringify(tunnels)}`);
      await delay(10);
    }
  }

  /** A change, even of nothing, waits until the daemon is through with the slot. */
  async #swept(name: string): Promise<void> {
    await assert.rejects(this.#controller.remove(name), {code: 'NOT_FOUND'});
  }
}

const keyOf = (tunnels: readonly Tunnel[]): string =>
  tunnels
    .map(({etag}) => etag)
    .sort()
    .join();

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
