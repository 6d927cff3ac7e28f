import {fileURLToPath} from 'node:url';
import type {BgpPeer, BgpSessionState, BgpSessionStatus, LearnedRoute} from '../../../../src/bgp/bgp-speaker.js';
import type {SpeakerOptions} from '../../../../src/bgp/speaker.js';
import {doublezeroIp, ipv4, prefix} from './addresses.js';
import type {Command} from './host-process.js';
import type {Program} from './program.js';
import type {VethWorld} from './veth-world.js';

export type HostOptions = Pick<SpeakerOptions, 'exclude' | 'prefixLimit' | 'establishmentTime'>;

/** What became of a session. */
export interface SessionChange {
  readonly session: string;
  readonly state: BgpSessionState;
  readonly lastError: string;
}

const firstPeer: BgpPeer = {
  tunnel: 'doublezero0',
  localAddress: ipv4('169.254.0.1'),
  peerAddress: ipv4('169.254.0.0'),
  localAsn: 65_000,
  peerAsn: 65_001,
  nlri: [prefix(`${doublezeroIp}/32`)],
  routeSource: ipv4(doublezeroIp),
  table: 254,
  noInstall: false,
  noUninstall: false,
  resumed: false,
};
const otherPeer: BgpPeer = {
  ...firstPeer,
  tunnel: 'doublezero1',
  localAddress: ipv4('169.254.0.3'),
  peerAddress: ipv4('169.254.0.2'),
};

const isChange = (line: string): boolean => line.startsWith('{"session":');

/** The part of the daemon that speaks BGP, in the host's namespace. */
export class Host {
  readonly #program: Program;
  #lastId = 0;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(world: VethWorld, options: HostOptions): Promise<Host> {
    const module = fileURLToPath(new URL('host-process.js', import.meta.url));
    const program = world.start('host', process.execPath, module, JSON.stringify(options));
    await program.said(line => line === '{"ready":true}', 'the speaker is ready');
    return new Host(program);
  }

  /** The device at the far end of doublezero0. */
  async addPeer(changes: Partial<BgpPeer> = {}): Promise<void> {
    await this.#call({call: 'addPeer', peer: {...firstPeer, ...changes}});
  }

  /** The one at the far end of doublezero1. */
  async addOtherPeer(changes: Partial<BgpPeer> = {}): Promise<void> {
    await this.#call({call: 'addPeer', peer: {...otherPeer, ...changes}});
  }

  async deletePeer(tunnel = 'doublezero0'): Promise<void> {
    await this.#call({call: 'deletePeer', tunnel});
  }

  async session(tunnel = 'doublezero0'): Promise<BgpSessionStatus> {
    return (await this.#call({call: 'session', tunnel})) as BgpSessionStatus;
  }

  async routes(tunnel = 'doublezero0', limit = 100): Promise<LearnedRoute[]> {
    return (await this.#call({call: 'routes', tunnel, page: {limit}})) as LearnedRoute[];
  }

  /** Milliseconds that the event loop stood still at the longest. */
  async longestDelay(): Promise<number> {
    return (await this.#call({call: 'longestDelay'})) as number;
  }

  /** A point in time, for asking what came after it. */
  now(): number {
    return this.#program.lines.length;
  }

  /** Changes of a session, in order. */
  changes(tunnel = 'doublezero0', from = 0): SessionChange[] {
    return this.#program.lines
      .slice(from)
      .filter(isChange)
      .map((line): SessionChange => JSON.parse(line))
      .filter(({session}) => session === tunnel);
  }

  /** The first time that the session came into the state, from the given point in time on. */
  async reaches(
    state: BgpSessionState,
    {tunnel = 'doublezero0', from = 0, timeoutMs = 60_000} = {},
  ): Promise<SessionChange> {
    const isIt = (line: string) => line.startsWith(`{"session":"${tunnel}","state":"${state}"`);
    return JSON.parse(await this.#program.said(isIt, `${tunnel} is ${state}`, from, timeoutMs));
  }

  /** Ends as a crash would. */
  async kill(): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  /** Disposes of everything and resolves to the exit status: the process has to end without being told to. */
  async dispose(): Promise<number | null> {
    await this.#call({call: 'dispose'});
    return this.#program.ended();
  }

  async #call(command: Command): Promise<unknown> {
    const id = ++this.#lastId;
    const from = this.#program.lines.length;
    this.#program.write(JSON.stringify({id, ...command}));
    const line = await this.#program.said(
      text => text.startsWith(`{"answer":${id}`),
      `an answer to ${command.call}`,
      from,
    );
    const {result, error} = JSON.parse(line);
    if (error !== undefined) throw new Error(error);
    return result;
  }
}
