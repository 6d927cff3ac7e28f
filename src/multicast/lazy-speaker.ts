import type {MulticastSpeaker, MulticastStatus, Sender, SenderConfigs, Senders} from './multicast-speaker.js';

/** Stands for a speaker that is only loaded when it is first told to send: most hosts never have a multicast tunnel. */
export class LazyMulticastSpeaker implements MulticastSpeaker {
  readonly pim = this.#sender('pim');
  readonly register = this.#sender('register');
  readonly heartbeat = this.#sender('heartbeat');
  readonly #load: () => Promise<MulticastSpeaker>;
  readonly #listeners = new Set<(tunnel: string) => void>();
  #loading: Promise<MulticastSpeaker> | undefined;
  #loaded: MulticastSpeaker | undefined;

  constructor(load: () => Promise<MulticastSpeaker>) {
    this.#load = load;
  }

  status(tunnel: string): MulticastStatus | undefined {
    return this.#loaded?.status(tunnel);
  }

  onNeighborChange(listener: (tunnel: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#loading)?.[Symbol.asyncDispose]();
  }

  #sender<Name extends keyof SenderConfigs>(name: Name): Sender<SenderConfigs[Name]> {
    const senderOf = (speaker: Senders): Sender<SenderConfigs[Name]> => speaker[name];
    return {
      apply: async (tunnel, config) => senderOf(await this.#speaker()).apply(tunnel, config),
      stop: async tunnel => {
        const speaker = await this.#loading;
        if (speaker) await senderOf(speaker).stop(tunnel);
      },
    };
  }

  #speaker(): Promise<MulticastSpeaker> {
    this.#loading ??= this.#open();
    return this.#loading;
  }

  async #open(): Promise<MulticastSpeaker> {
    const speaker = await this.#load();
    this.#loaded = speaker;
    speaker.onNeighborChange(tunnel => {
      for (const listener of this.#listeners) listener(tunnel);
    });
    return speaker;
  }
}
