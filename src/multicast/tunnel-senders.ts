import type {Netlinker} from '../netlink/netlinker.js';
import type {Logger} from '../telemetry/logger.js';
import {Activity, type Sent} from './activity.js';
import type {Clock} from './clock.js';
import {HeartbeatTransmission} from './heartbeat-transmission.js';
import {LinkBound} from './link-bound.js';
import type {SenderConfigs} from './multicast-speaker.js';
import {PimTransmission} from './pim/pim-transmission.js';
import {RegisterTransmission} from './register-transmission.js';
import type {MulticastSockets} from './sockets.js';
import type {Begin} from './transmission.js';

/** What the senders of all tunnels share. */
export interface SenderContext {
  readonly netlinker: Pick<Netlinker, 'link'>;
  readonly sockets: MulticastSockets;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds between two looks at the link. */
const lookPeriod = 1000;

/** The senders of one tunnel, and the watch over the link they live by. */
export class TunnelSenders {
  readonly activity: Activity;
  readonly senders: {readonly [Name in keyof SenderConfigs]: LinkBound<SenderConfigs[Name]>};
  /** How much of what was asked of the senders is not done yet. */
  pending = 0;
  readonly #clock: Clock;
  #cancelLook = () => {};

  constructor(tunnel: string, {netlinker, sockets, clock, log}: SenderContext, onNeighborChange: () => void) {
    this.#clock = clock;
    const activity = new Activity({clock, log: log.child({tunnel}), onNeighborChange});
    this.activity = activity;
    const context = {tunnel, sockets, clock, activity};
    const link = () => netlinker.link(tunnel);
    const sender = <Config>(begin: Begin<Config>, first: Sent, hasFarewell = false) => {
      const onTrouble = (error: unknown) => activity.tried(first, 1, [error]);
      return new LinkBound({begin, context, hasFarewell, link, onTrouble});
    };
    this.senders = {
      pim: sender(PimTransmission.begin, 'hello', true),
      register: sender(RegisterTransmission.begin, 'register'),
      heartbeat: sender(HeartbeatTransmission.begin, 'heartbeat'),
    };
    this.#watch();
  }

  get isActive(): boolean {
    return this.#all.some(sender => sender.isActive);
  }

  /** Ends what still goes on without a word, and the watch. */
  async close(): Promise<void> {
    this.#cancelLook();
    await Promise.all(this.#all.map(sender => sender.abandon()));
  }

  get #all(): Pick<LinkBound<unknown>, 'isActive' | 'look' | 'abandon'>[] {
    return Object.values(this.senders);
  }

  #watch(): void {
    this.#cancelLook = this.#clock.after(lookPeriod, () => {
      // A link that cannot be read now may be so the next time; the tunnel's own monitor reports it.
      for (const sender of this.#all) sender.look().catch(() => undefined);
      this.#watch();
    });
  }
}
