import type {MulticastSpeaker, MulticastStatus, Sender, SenderConfigs} from './multicast-speaker.js';

type Configs = {[Name in keyof SenderConfigs]?: SenderConfigs[Name]};

/** Keeps what it is told to send and sends nothing; refuses what it is told to. */
export class RecordingMulticastSpeaker implements MulticastSpeaker {
  /** What was asked, in order, as text such as `pim.apply doublezero1`. */
  readonly calls: string[] = [];
  /** What would be sent now, by tunnel. */
  readonly tunnels = new Map<string, Configs>();
  readonly pim = this.#sender('pim');
  readonly register = this.#sender('register');
  readonly heartbeat = this.#sender('heartbeat');
  readonly #faults: {call: string; error: Error}[] = [];

  /** Makes the next such call fail, once; `call` is text such as `pim.apply`. */
  fail(call: string, error: Error): void {
    this.#faults.push({call, error});
  }

  status(): MulticastStatus | undefined {
    return undefined;
  }

  onNeighborChange(): () => void {
    return () => undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tunnels.clear();
  }

  #sender<Name extends keyof SenderConfigs>(name: Name): Sender<SenderConfigs[Name]> {
    return {
      apply: async (tunnel, config) => {
        this.#called(`${name}.apply`, tunnel);
        this.tunnels.set(tunnel, {...this.tunnels.get(tunnel), [name]: config});
      },
      stop: async tunnel => {
        const {[name]: stopped, ...rest} = this.tunnels.get(tunnel) ?? {};
        if (Object.keys(rest).length > 0) this.tunnels.set(tunnel, rest as Configs);
        else this.tunnels.delete(tunnel);
        this.#called(`${name}.stop`, tunnel);
      },
    };
  }

  #called(call: string, tunnel: string): void {
    this.calls.push(`${call} ${tunnel}`);
    const fault = this.#faults.findIndex(candidate => candidate.call === call);
    if (fault >= 0) throw this.#faults.splice(fault, 1)[0]?.error;
  }
}
