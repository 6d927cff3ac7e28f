import type {Ipv4} from '../ip/ipv4.js';
import type {Link} from '../netlink/netlinker.js';
import type {Ipv4Datagram} from './ipv4-datagram.js';
import type {RegisterConfig} from './multicast-speaker.js';
import {decodeMessage, pimType} from './pim/message.js';
import {PimError} from './pim/pim-error.js';
import {decodeRegisterStop, encodeRegister} from './pim/register.js';
import type {PimSocket} from './sockets.js';
import {attempt, isTransient, retryPeriod, type Transmission, type TransmissionContext} from './transmission.js';

/** Milliseconds between two Registers for a group: the rendezvous point keeps state for 185 s at least. */
const period = 60_000;
/** Milliseconds within which a group that is new gets its first one, at random so that clients do not come all at once. */
const firstWithin = 5000;
/** Hops: the TTL of the devices' own tunnels. */
const ttl = 32;

/**
 * A beacon that tells the rendezvous point of a publisher's groups, and not the state machine of RFC 7761 §4.4: a
 * Register-Stop is counted and stops nothing, since the device announces the source only while Registers keep coming.
 */
export class RegisterTransmission implements Transmission<RegisterConfig> {
  readonly #context: TransmissionContext;
  /** Each group has a time of its own in the period, so that many groups are spread over it. */
  readonly #timers = new Map<Ipv4, () => void>();
  #config: RegisterConfig;
  #socket: PimSocket | undefined;

  private constructor(config: RegisterConfig, context: TransmissionContext) {
    this.#config = config;
    this.#context = context;
  }

  static async begin(config: RegisterConfig, link: Link, context: TransmissionContext): Promise<RegisterTransmission> {
    const transmission = new RegisterTransmission(config, context);
    transmission.#socket = await context.sockets.openPim({
      interface: context.tunnel,
      index: link.index,
      source: config.localAddress,
      hearsAllRouters: false,
      onDatagram: datagram => transmission.#receive(datagram),
    });
    transmission.change(config);
    return transmission;
  }

  change(config: RegisterConfig): void {
    this.#config = config;
    const wanted = new Set(config.groups);
    for (const [group, cancel] of this.#timers) {
      if (wanted.has(group)) continue;
      cancel();
      this.#timers.delete(group);
    }
    const {random} = this.#context.clock;
    for (const group of config.groups) {
      if (!this.#timers.has(group)) this.#sendIn(group, random() * firstWithin, () => random() * period);
    }
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#socket?.close();
    this.#context.activity.settled('register');
  }

  #sendIn(group: Ipv4, delay: number, next: () => number): void {
    const {clock, activity} = this.#context;
    const send = () => {
      const {source, rp} = this.#config;
      const register = encodeRegister(source, group);
      const error = attempt(activity, 'register', [register], message => this.#socket?.send(message, rp, ttl));
      if (error && isTransient(error)) this.#sendIn(group, retryPeriod, next);
      else this.#sendIn(group, next(), () => period);
    };
    this.#timers.set(group, clock.after(delay, send));
  }

  #receive(datagram: Ipv4Datagram): void {
    const {activity} = this.#context;
    try {
      if (decodeMessage(datagram.payload).type !== pimType.registerStop) return;
      const {group, source} = decodeRegisterStop(datagram.payload);
      const {rp, source: ours, groups} = this.#config;
      const isOurs = datagram.source === rp && source === ours && groups.includes(group);
      activity.received(isOurs ? 'registerStopsReceived' : 'ignored');
    } catch (error) {
      if (!(error instanceof PimError)) throw error;
      activity.received('malformed');
    }
  }
}
