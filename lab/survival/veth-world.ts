import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {carrier} from '../carrier.js';
import {Daemon} from '../daemon.js';
import {ipBatch, Namespace} from '../namespace.js';
import {addresses} from '../topology.js';

/** The daemon for such places; takes the daemon's flags. */
export const survivalProgram = fileURLToPath(new URL('crashing-daemon.js', import.meta.url));

/** Two namespaces of this host joined by nothing but the tunnel, for which a veth pair stands in. */
export class VethWorld implements AsyncDisposable {
  readonly host: Namespace;
  readonly device: Namespace;
  readonly socket: string;
  readonly logFile: string;
  #daemon: Daemon | undefined;

  private constructor(readonly folder: string) {
    const id = randomBytes(3).toString('hex');
    this.host = new Namespace(`survivor-${id}`);
    this.device = new Namespace(`device-${id}`);
    this.socket = join(folder, 'daemon.sock');
    this.logFile = join(folder, 'daemon.log');
  }

  static async create(): Promise<VethWorld> {
    const world = new VethWorld(await mkdtemp(join(tmpdir(), 'doublezerod-survival-')));
    const {host, device} = world;
    await ipBatch(`netns add ${host.name}\nnetns add ${device.name}\n`);
    await host.batch(`link set lo up\naddr add ${addresses.hostUnderlay}/32 dev lo\n`);
    await device.batch(`link set lo up\naddr add ${addresses.behindDevice}/32 dev lo\n`);
    return world;
  }

  /** The daemon, after which no other may be running. */
  async start(...flags: string[]): Promise<Daemon> {
    const {host: namespace, socket, logFile} = this;
    const through = ['env', 'STAND_IN=veth'];
    this.#daemon = await Daemon.start({namespace, socket, logFile, flags, program: survivalProgram, through});
    return this.#daemon;
  }

  /** Kills the daemon, if there is one. */
  async stop(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
  }

  /** Gives the far end of the tunnel to the device, where it is not there yet. */
  async connect(tunnel = 'doublezero0'): Promise<void> {
    // Its name is only told where it is in the same namespace.
    const [{link: end}] = JSON.parse(await this.host.ip('-j', 'link', 'show', tunnel)) as [{readonly link?: string}];
    if (end === undefined) return;
    await this.host.ip('link', 'set', end, 'netns', this.device.name);
    await this.device.batch(`
      addr add ${addresses.remoteOverlay}/31 dev ${end}
      link set ${end} up
      route add ${addresses.doublezeroIp}/32 dev ${end}
    `);
    await Promise.all([carrier(this.host, tunnel), carrier(this.device, end)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await ipBatch(`netns del ${this.host.name}\nnetns del ${this.device.name}\n`, ['-force']).catch(() => undefined);
    await rm(this.folder, {recursive: true, force: true});
    await rm(`/run/frr-${this.device.name}`, {recursive: true, force: true});
  }
}
