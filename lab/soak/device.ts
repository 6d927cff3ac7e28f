import {type ChildProcess, execFile} from 'node:child_process';
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {eventually} from '../frr.js';
import type {Namespace} from '../namespace.js';
import {type Endpoint, endpoints} from './specs.js';

const execute = promisify(execFile);

/** What a soak needs on the machine. */
export const soakPrograms = ['setpriv', 'ip', 'bird', 'birdc'];

const session = ({index, remote, local}: Endpoint): string => `
  protocol bgp endpoint${index} {
    local ${remote} as 65001;
    neighbor ${local} as 65000;
    passive on;
    hold time 3;
    error wait time 1, 1;
    ipv4 { import all; export where source = RTS_STATIC; next hop self; };
  }
`;

/** The devices at the far ends, all of them in one BIRD: hold time 3 s, waiting to be called. */
export class SoakDevice implements AsyncDisposable {
  /** Whatever was announced at any time. */
  readonly everAnnounced = new Set<string>();
  #announced: readonly string[] = [];
  #bird: ChildProcess | undefined;
  #isFrozen = false;

  private constructor(
    private readonly namespace: Namespace,
    private readonly folder: string,
  ) {}

  static async start(namespace: Namespace, folder: string): Promise<SoakDevice> {
    const device = new SoakDevice(namespace, folder);
    await writeFile(
      device.#path('bird.conf'),
      `
      router id 192.0.2.10;
      log "${device.#path('bird.log')}" all;
      protocol device {}
      protocol static feed {
        ipv4;
        include "${device.#path('routes.conf')}";
      }
      ${endpoints.map(session).join('')}
      `,
    );
    await device.#writeRoutes();
    await device.#run();
    return device;
  }

  /** Every session announces just these. */
  get announced(): readonly string[] {
    return this.#announced;
  }

  async announce(prefixes: readonly string[]): Promise<void> {
    await this.thaw();
    this.#announced = prefixes;
    for (const prefix of prefixes) this.everAnnounced.add(prefix);
    await this.#writeRoutes();
    await this.#control('configure');
  }

  /** Has a session end with a Cease, and wait to be called again. */
  async restartSession(endpoint: number): Promise<void> {
    await this.thaw();
    await this.#control('restart', `endpoint${endpoint}`);
  }

  /** Ends it without a word and starts it again. */
  async kill(): Promise<void> {
    await this.#end();
    await this.#run();
  }

  /** It says nothing any more, and hears nothing. */
  freeze(): void {
    this.#bird?.kill('SIGSTOP');
    this.#isFrozen = true;
  }

  async thaw(): Promise<void> {
    if (this.#isFrozen) this.#bird?.kill('SIGCONT');
    this.#isFrozen = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #run(): Promise<void> {
    const files = ['-c', this.#path('bird.conf'), '-s', this.#path('bird.ctl'), '-P', this.#path('bird.pid')];
    this.#bird = this.namespace.spawn('setpriv', ['--pdeathsig', 'KILL', 'bird', '-f', ...files], 'ignore');
    await eventually('BIRD answers', () => this.#control('show', 'status'));
  }

  async #end(): Promise<void> {
    const bird = this.#bird;
    this.#isFrozen = false;
    if (!bird || bird.exitCode !== null || bird.signalCode !== null) return;
    const ended = once(bird, 'exit');
    bird.kill('SIGKILL');
    await ended;
  }

  async #control(...command: string[]): Promise<string> {
    return (await execute('birdc', ['-s', this.#path('bird.ctl'), ...command])).stdout;
  }

  async #writeRoutes(): Promise<void> {
    const lines = this.#announced.map(prefix => `route ${prefix} unreachable;\n`);
    await writeFile(this.#path('routes.conf'), lines.join(''));
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}
