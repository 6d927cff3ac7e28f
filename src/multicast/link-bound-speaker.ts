import type {MulticastSpeaker, MulticastStatus, Sender, SenderConfigs} from './multicast-speaker.js';
import {type SenderContext, TunnelSenders} from './tunnel-senders.js';

/** Speaks PIM, registers and beats on the tunnels' interfaces, while they are up. */
export class LinkBoundSpeaker implements MulticastSpeaker {
  readonly pim = this.#sender('pim');
  readonly register = this.#sender('register');
  readonly heartbeat = this.#sender('heartbeat');
  readonly #context: SenderContext;
  readonly #tunnels = new Map<string, TunnelSenders>();
  readonly #listeners = new Set<(tunnel: string) => void>();

  constructor(context: SenderContext) {
    this.#context = context;
  }

  status(tunnel: string): MulticastStatus | undefined {
    return this.#tunnels.get(tunnel)?.activity.status;
  }

  onNeighborChange(listener: (tunnel: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tunnels that are still there are left without a word, for a successor to go on with: whoever wanted a goodbye has said so. */
  async [Symbol.asyncDispose](): Promise<void> {
    const tunnels = [...this.#tunnels.values()];
    this.#tunnels.clear();
    await Promise.all(tunnels.map(tunnel => tunnel.close()));
  }

  #sender<Name extends keyof SenderConfigs>(name: Name): Sender<SenderConfigs[Name]> {
    return {
      apply: (tunnel, config) => this.#with(tunnel, ({senders}) => senders[name].apply(config)),
      stop: tunnel => this.#with(tunnel, ({senders}) => senders[name].stop()),
    };
  }

  /** A tunnel is known here for as long as anything is sent on it, or is about to be: an apply may wait for a stop. */
  async #with(tunnel: string, work: (senders: TunnelSenders) => Promise<void>): Promise<void> {
    const senders = this.#tunnels.get(tunnel) ?? new TunnelSenders(tunnel, this.#context, () => this.#changed(tunnel));
    this.#tunnels.set(tunnel, senders);
    senders.pending += 1;
    try {
      await work(senders);
    } finally {
      senders.pending -= 1;
      if (senders.pending === 0 && !senders.isActive) {
        this.#tunnels.delete(tunnel);
        await senders.close();
      }
    }
  }

  #changed(tunnel: string): void {
    for (const listener of this.#listeners) listener(tunnel);
  }
}
