import type {Link} from '../netlink/netlinker.js';
import {jittered} from './clock.js';
import type {HeartbeatConfig} from './multicast-speaker.js';
import type {HeartbeatSocket} from './sockets.js';
import {asSocketError} from './sockets.js';
import type {Transmission, TransmissionContext} from './transmission.js';

/** Milliseconds between two heartbeats in a group. */
const period = 10_000;

/** Keeps the state of a publisher's groups alive along their way, also while the publisher itself has nothing to send. */
export class HeartbeatTransmission implements Transmission<HeartbeatConfig> {
  readonly #context: TransmissionContext;
  #config: HeartbeatConfig;
  #cancel = () => {};
  #isClosed = false;

  private constructor(
    config: HeartbeatConfig,
    private readonly socket: HeartbeatSocket,
    context: TransmissionContext,
  ) {
    this.#config = config;
    this.#context = context;
  }

  static async begin(config: HeartbeatConfig, _link: Link, context: TransmissionContext) {
    const {source, localAddress: egress} = config;
    const socket = await context.sockets.openHeartbeat({source, egress});
    const transmission = new HeartbeatTransmission(config, socket, context);
    void transmission.#beat();
    transmission.#schedule();
    return transmission;
  }

  /** All groups hear one at once, the old ones too; the ticker goes on undisturbed. */
  change(config: HeartbeatConfig): void {
    this.#config = config;
    void this.#beat();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.socket.close();
    this.#context.activity.settled('heartbeat');
  }

  #schedule(): void {
    const {clock} = this.#context;
    this.#cancel = clock.after(jittered(clock, period), () => {
      void this.#beat();
      this.#schedule();
    });
  }

  /** Never rejects. What could not be sent is made good for by the next, in 10 s. */
  async #beat(): Promise<void> {
    const {groups} = this.#config;
    const results = await Promise.allSettled(groups.map(group => this.socket.send(group)));
    const errors = results.flatMap(result => (result.status === 'rejected' ? [asSocketError(result.reason)] : []));
    if (!this.#isClosed) this.#context.activity.tried('heartbeat', groups.length, errors);
  }
}
