import type {BgpPeer, BgpSessionStatus, BgpSpeaker, LearnedRoute} from './bgp-speaker.js';

/** Keeps the peers it is given and calls none: every session stays pending. */
export class RecordingBgpSpeaker implements BgpSpeaker {
  /** What was asked, in order, as text such as `addPeer doublezero0`. */
  readonly calls: string[] = [];
  readonly peers = new Map<string, BgpPeer>();
  private readonly added = new Map<string, Date>();

  async addPeer(peer: BgpPeer): Promise<void> {
    this.calls.push(`addPeer ${peer.tunnel}`);
    if (this.peers.has(peer.tunnel)) throw new Error(`${peer.tunnel} has a BGP peer already`);
    this.peers.set(peer.tunnel, peer);
    this.added.set(peer.tunnel, new Date());
  }

  async deletePeer(tunnel: string): Promise<void> {
    this.calls.push(`deletePeer ${tunnel}`);
    this.peers.delete(tunnel);
    this.added.delete(tunnel);
  }

  session(tunnel: string): BgpSessionStatus | undefined {
    const peer = this.peers.get(tunnel);
    const lastUpdate = this.added.get(tunnel);
    if (!peer || !lastUpdate) return undefined;
    const {localAddress, peerAddress, localAsn, peerAsn} = peer;
    return {
      state: 'pending',
      lastUpdate,
      localAddress,
      peerAddress,
      localAsn,
      peerAsn,
      routesReceived: 0,
      routesInstalled: 0,
      lastError: '',
    };
  }

  routes(): LearnedRoute[] {
    return [];
  }

  async missingRoutes(): Promise<number> {
    return 0;
  }

  async reinstallMissing(): Promise<number> {
    return 0;
  }

  onSessionChange(): () => void {
    return () => undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peers.clear();
  }
}
