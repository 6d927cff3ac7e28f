import type {Ipv4Prefix} from '../ip/ipv4.js';
import {PrefixSet} from '../ip/prefix-set.js';
import type {Netlinker} from '../netlink/netlinker.js';
import type {Logger} from '../telemetry/logger.js';
import type {BgpPeer, BgpSessionStatus, BgpSpeaker, LearnedRoute, RoutePage} from './bgp-speaker.js';
import {Peer} from './peer.js';

export interface SpeakerOptions {
  readonly netlinker: Netlinker;
  readonly log: Logger;
  /** Destinations that are never installed or deleted, those within a network with it. */
  readonly exclude?: readonly Ipv4Prefix[];
  /** TCP port of the peers; anything but 179 (RFC 4271 §3) is for tests. */
  readonly port?: number;
  /** Prefixes a peer may advertise; a session with more is ended. More than a full table of the Internet by default. */
  readonly prefixLimit?: number;
  /** Milliseconds without a session after which a peer counts as failed or unreachable; 30 s by default. */
  readonly establishmentTime?: number;
}

const bgpPort = 179;

/** What is beyond it is a fault of the peer, and shall not eat the host. */
const defaultPrefixLimit = 2_000_000;

/** A BGP speaker that only calls and never listens: it has clients' peers, which wait to be called. */
export class Speaker implements BgpSpeaker {
  readonly #options: SpeakerOptions;
  readonly #excluded: PrefixSet;
  readonly #peers = new Map<string, Peer>();
  readonly #listeners = new Set<(tunnel: string) => void>();

  constructor(options: SpeakerOptions) {
    this.#options = options;
    this.#excluded = new PrefixSet(options.exclude ?? []);
  }

  async addPeer(config: BgpPeer): Promise<void> {
    const {tunnel} = config;
    if (this.#peers.has(tunnel)) throw new Error(`${tunnel} has a BGP peer already`);
    const {netlinker, log, port = bgpPort, prefixLimit = defaultPrefixLimit, establishmentTime} = this.#options;
    const onChange = () => this.#changed(tunnel);
    const excluded = this.#excluded;
    const peer = new Peer(config, {netlinker, log, port, prefixLimit, establishmentTime, excluded, onChange});
    this.#peers.set(tunnel, peer);
    try {
      await peer.start();
    } catch (error) {
      this.#peers.delete(tunnel);
      await peer.abandon();
      throw error;
    }
  }

  async deletePeer(tunnel: string): Promise<void> {
    const peer = this.#peers.get(tunnel);
    this.#peers.delete(tunnel);
    await peer?.stop();
  }

  session(tunnel: string): BgpSessionStatus | undefined {
    return this.#peers.get(tunnel)?.status();
  }

  routes(tunnel: string, page: RoutePage): LearnedRoute[] {
    return this.#peers.get(tunnel)?.routes(page) ?? [];
  }

  async missingRoutes(tunnel: string): Promise<number> {
    return (await this.#peers.get(tunnel)?.missingRoutes()) ?? 0;
  }

  async reinstallMissing(tunnel: string): Promise<number> {
    return (await this.#peers.get(tunnel)?.reinstallMissing()) ?? 0;
  }

  onSessionChange(listener: (tunnel: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Peers that are still there are left without a word, their routes in the kernel: whoever wanted them gone has said so. */
  async [Symbol.asyncDispose](): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all(peers.map(peer => peer.abandon()));
  }

  #changed(tunnel: string): void {
    const session = this.session(tunnel);
    if (!session) return;
    const {state, lastError} = session;
    this.#options.log.info('bgp.session', {tunnel, state, error: lastError});
    for (const listener of this.#listeners) listener(tunnel);
  }
}
