import type {Ipv4} from '../../ip/ipv4.js';
import type {Clock} from '../clock.js';
import type {NeighborStatus} from '../multicast-speaker.js';
import type {Hello} from './hello.js';

/** Seconds, for a Hello that gives none (RFC 7761 §4.11: Default_Hello_Holdtime). */
const defaultHoldtime = 105;
/** RFC 7761 §4.9.2: never expires. */
const forever = 0xffff;

export type NeighborEvent = 'up' | 'expired' | 'restarted';

/** The PIM router at the other end of the link, for as long as its Hellos say that it is there. */
export class Neighbor {
  readonly #clock: Clock;
  readonly #onChange: (status: NeighborStatus, event?: NeighborEvent) => void;
  #status: NeighborStatus | undefined;
  #cancelExpiry = () => {};

  constructor(clock: Clock, onChange: (status: NeighborStatus, event?: NeighborEvent) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  heard(address: Ipv4, {holdtime = defaultHoldtime, generationId}: Hello): void {
    this.#cancelExpiry();
    const now = this.#clock.now();
    const before = this.#status?.state === 'up' ? this.#status : undefined;
    if (holdtime === 0) {
      // One that says goodbye without ever having been there is nobody's neighbor.
      if (before) this.#expire({...before, lastHeard: now}, now);
      return;
    }
    const isRestarted = before !== undefined && before.generationId !== generationId;
    const event = before === undefined ? 'up' : isRestarted ? 'restarted' : undefined;
    const status: NeighborStatus = {
      address,
      state: 'up',
      since: event === undefined && before ? before.since : now,
      lastHeard: now,
      expires: holdtime === forever ? undefined : new Date(now.getTime() + holdtime * 1000),
      generationId,
    };
    this.#status = status;
    if (holdtime !== forever) {
      this.#cancelExpiry = this.#clock.after(holdtime * 1000, () => this.#expire(status, this.#clock.now()));
    }
    this.#onChange(status, event);
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#cancelExpiry();
  }

  #expire(neighbor: NeighborStatus, since: Date): void {
    this.#status = {...neighbor, state: 'expired', since, expires: undefined};
    this.#onChange(this.#status, 'expired');
  }
}
