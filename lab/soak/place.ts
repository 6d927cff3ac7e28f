import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {ipBatch, Namespace} from '../namespace.js';
import {kernelState} from '../survival/kernel-state.js';
import {SoakedDaemon} from './daemon-process.js';
import {SoakDevice} from './device.js';
import {endpoints, hostUnderlay} from './specs.js';

/** In memory where there is such a place: thousands of changes of the journal, each of them synced, would wait for a disk. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The daemon in a namespace of its own and its devices in another, joined by nothing but the tunnels. */
export class SoakPlace implements AsyncDisposable {
  readonly host: Namespace;
  readonly #far: Namespace;
  readonly socket: string;
  readonly logFile: string;
  readonly stateDir: string;
  /** What the kernel has where there is no tunnel. */
  baseline: readonly string[] = [];
  #daemon: SoakedDaemon | undefined;
  #device: SoakDevice | undefined;

  private constructor(private readonly folder: string) {
    const id = randomBytes(3).toString('hex');
    this.host = new Namespace(`soak-${id}`);
    this.#far = new Namespace(`soak-far-${id}`);
    this.socket = join(folder, 'daemon.sock');
    this.logFile = join(folder, 'daemon.log');
    this.stateDir = join(folder, 'state');
  }

  static async open(flags: readonly string[]): Promise<SoakPlace> {
    const place = new SoakPlace(await mkdtemp(join(parent, 'doublezerod-soak-')));
    try {
      await place.#start(flags);
      return place;
    } catch (error) {
      await place[Symbol.asyncDispose]();
      throw error;
    }
  }

  get daemon(): SoakedDaemon {
    if (!this.#daemon) throw new TypeError('not started');
    return this.#daemon;
  }

  get device(): SoakDevice {
    if (!this.#device) throw new TypeError('not started');
    return this.#device;
  }

  /** Names of the host's interfaces. */
  async links(): Promise<string[]> {
    const links = JSON.parse(await this.host.ip('-j', 'link', 'show')) as {readonly ifname: string}[];
    return links.map(({ifname}) => ifname).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    await this.#device?.[Symbol.asyncDispose]();
    const namespaces = [this.host, this.#far].map(({name}) => `netns del ${name}\n`).join('');
    await ipBatch(namespaces, ['-force']).catch(() => undefined);
    await rm(this.folder, {recursive: true, force: true});
  }

  async #start(flags: readonly string[]): Promise<void> {
    const {host, socket, logFile, stateDir} = this;
    await ipBatch(`netns add ${host.name}\nnetns add ${this.#far.name}\n`);
    // For the default route, by which the daemon finds its underlay address.
    await host.batch(`
      link set lo up
      link add underlay type veth peer name beyond
      addr add ${hostUnderlay}/24 dev underlay
      link set beyond up
      link set underlay up
      route add default via 192.0.2.254 dev underlay
    `);
    await this.#far.batch('link set lo up\n');
    this.#device = await SoakDevice.start(this.#far, this.folder);
    this.baseline = await kernelState(host);
    const cable = (name: string, remote: string) => this.#cable(name, remote);
    this.#daemon = await SoakedDaemon.start({namespace: host, socket, logFile, stateDir, flags, cable});
  }

  /** Gives the far end to the device, which has its address there. */
  async #cable(name: string, underlay: string): Promise<void> {
    const endpoint = endpoints.find(candidate => candidate.underlay === underlay);
    const [{link: end}] = JSON.parse(await this.host.ip('-j', 'link', 'show', name)) as [{readonly link: string}];
    const far = `endpoint${endpoint?.index}`;
    await this.host.batch(`link set ${end} netns ${this.#far.name} name ${far}\n`);
    await this.#far.batch(`addr add ${endpoint?.remote}/31 dev ${far}\nlink set ${far} up\n`);
  }
}
