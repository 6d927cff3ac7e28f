import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import {promisify} from 'node:util';
import {tiedToCaller} from '../../../../lab/guest.js';
import {doublezeroIp} from './addresses.js';
import {Host, type HostOptions} from './host.js';
import {Program} from './program.js';
import {eventually} from './waiting.js';

const execute = promisify(execFile);

/** The host, the device at the far end of doublezero0, and the one at the far end of doublezero1. */
export type Side = 'host' | 'device' | 'otherDevice';

const topology = `
  netns add host
  netns add device
  netns add otherDevice
  link add doublezero0 netns host type veth peer name tunnel netns device
  link add doublezero1 netns host type veth peer name tunnel netns otherDevice
`;
const interfaces: Record<Side, string> = {
  host: `
    link set lo up
    addr add 169.254.0.1/31 dev doublezero0 scope link
    addr add 169.254.0.3/31 dev doublezero1 scope link
    link set doublezero0 up
    link set doublezero1 up
  `,
  device: `
    link set lo up
    addr add 169.254.0.0/31 dev tunnel
    link set tunnel up
  `,
  otherDevice: `
    link set lo up
    addr add 169.254.0.2/31 dev tunnel
    link set tunnel up
  `,
};

/** First process of the world: says by which number the outside knows it, and waits. It has its own /run and /var/tmp. */
const init = `
  read pid rest </proc/self/stat && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/tmp && echo $pid && exec cat
`;

/**
 * A host with two tunnels to two devices. A veth stands for each tunnel: BGP and routes are the same on it, and any
 * kernel has it. The namespaces are within one of this world's own, so all of it is gone with the process that holds
 * that, and that one with the test, whatever becomes of it.
 */
export class VethWorld implements AsyncDisposable {
  readonly #holder: ReturnType<typeof spawn>;
  readonly #pid: string;
  readonly #programs: Program[] = [];

  private constructor(holder: ReturnType<typeof spawn>, pid: string) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** `local`: whether the host has its DoubleZero address already. */
  static async open({local = true} = {}): Promise<VethWorld> {
    const [program = '', ...args] = [...tiedToCaller, '--net', '--mount', 'sh', '-c', init];
    const holder = spawn(program, args, {stdio: ['pipe', 'pipe', 'inherit']});
    if (!holder.stdout) throw new Error('no output');
    const [pid] = await once(holder.stdout, 'data');
    const world = new VethWorld(holder, String(pid).trim());
    try {
      await world.#batch([], topology);
      await Promise.all(Object.entries(interfaces).map(([side, commands]) => world.#batch(['-n', side], commands)));
      if (local) await world.addDoublezeroIp();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async addDoublezeroIp(): Promise<void> {
    await this.ip('host', 'address', 'add', `${doublezeroIp}/32`, 'dev', 'doublezero0');
  }

  /** Runs a program to its end and resolves to what it wrote; rejects where its status is not 0. */
  async run(side: Side, ...command: readonly string[]): Promise<string> {
    const [program = '', ...args] = this.#on(side, command);
    return (await execute(program, args, {maxBuffer: 1 << 26})).stdout;
  }

  /** The same, where nothing of it depends on a side's network, as for a control socket. */
  async control(...command: readonly string[]): Promise<string> {
    const [program = '', ...args] = this.#enter(command);
    return (await execute(program, args, {maxBuffer: 1 << 26})).stdout;
  }

  ip(side: Side, ...args: readonly string[]): Promise<string> {
    return this.control('ip', '-n', side, ...args);
  }

  /** Where the outside finds a file of this world's /run. */
  path(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Writes a file below this world's /run. */
  async write(path: string, content: string): Promise<void> {
    await mkdir(this.path(dirname(path)), {recursive: true});
    await writeFile(this.path(path), content);
  }

  /** Starts a program whose process the result is, to be stopped and killed as such. */
  start(side: Side, ...command: readonly string[]): Program {
    const program = new Program(this.#on(side, command));
    this.#programs.push(program);
    return program;
  }

  /** Starts a program that ends with the world, even where it becomes another user's meanwhile. */
  startService(side: Side, ...command: readonly string[]): Program {
    return new Program(this.#enter(['ip', 'netns', 'exec', side, ...command], '--pid'));
  }

  /** Starts the part of the daemon that speaks BGP. */
  startHost(options: HostOptions = {}): Promise<Host> {
    return Host.start(this, options);
  }

  /** Resolves when something on that side waits for BGP connections. */
  async listens(side: Side): Promise<void> {
    await eventually(`${side} listens on port 179`, async () =>
      (await this.run(side, 'ss', '-Hltn', 'sport = 179')).includes(':179'),
    );
  }

  /** What the host's kernel has from BGP in that table, in the words of `ip`. */
  async learned(table = 254): Promise<string[]> {
    const listing = await this.ip('host', '-N', 'route', 'show', 'table', `${table}`).catch(() => ''); // no such table
    return listing
      .split('\n')
      .map(line => line.trim())
      .filter(line => / proto 186\b/.test(line));
  }

  /** The destinations alone. */
  async learnedDestinations(table = 254): Promise<string[]> {
    return (await this.learned(table)).map(line => line.replace(/ .*/, '')).sort();
  }

  /** How many TCP connections a side has tried to open since it is there. */
  async connectionsTried(side: Side): Promise<number> {
    const [names = '', values = ''] = (await this.run(side, 'grep', '^Tcp:', '/proc/net/snmp')).split('\n');
    return Number(values.split(' ')[names.split(' ').indexOf('ActiveOpens')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map(program => program[Symbol.asyncDispose]()));
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
  }

  async #batch(options: readonly string[], commands: string): Promise<void> {
    const [program = '', ...args] = this.#enter(['ip', ...options, '-batch', '-']);
    const running = execute(program, args);
    running.child.stdin?.end(commands);
    await running;
  }

  #on(side: Side, command: readonly string[]): string[] {
    return this.#enter(['ip', 'netns', 'exec', side, ...command]);
  }

  #enter(command: readonly string[], ...namespaces: readonly string[]): string[] {
    return ['nsenter', '--target', this.#pid, '--net', '--mount', ...namespaces, ...command];
  }
}
