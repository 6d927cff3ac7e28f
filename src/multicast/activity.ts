import type {Logger} from '../telemetry/logger.js';
import type {Clock} from './clock.js';
import type {MulticastCounters, MulticastStatus, NeighborStatus} from './multicast-speaker.js';

export type Sent = 'hello' | 'join' | 'prune' | 'register' | 'heartbeat';

const counterOf = {
  hello: 'hellosSent',
  join: 'joinsSent',
  prune: 'prunesSent',
  register: 'registersSent',
  heartbeat: 'heartbeatsSent',
} as const satisfies Record<Sent, keyof MulticastCounters>;

/** Without these the device does not know, or forgets, what we subscribe to. */
const vital: ReadonlySet<Sent> = new Set(['hello', 'join']);

export interface ActivityOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the neighbor comes, goes or restarts. */
  readonly onNeighborChange: () => void;
}

/** What has been sent and heard on a tunnel. Outlives the sockets, which come and go with the link. */
export class Activity {
  readonly #options: ActivityOptions;
  readonly #counters = {
    hellosSent: 0,
    hellosReceived: 0,
    joinsSent: 0,
    prunesSent: 0,
    registersSent: 0,
    registerStopsReceived: 0,
    heartbeatsSent: 0,
    sendErrors: 0,
    ignored: 0,
    malformed: 0,
  };
  /** What could not be sent when it was last tried, and why. */
  readonly #failing = new Map<Sent, string>();
  #neighbor: NeighborStatus | undefined;
  #lastJoin: Date | undefined;
  #lastSendError = '';
  #lastSendErrorTime: Date | undefined;
  #generationId: number | undefined;
  /** Made when it is asked for, and good until something changes. */
  #status: MulticastStatus | undefined;

  constructor(options: ActivityOptions) {
    this.#options = options;
  }

  get status(): MulticastStatus {
    this.#status ??= {
      neighbor: this.#neighbor,
      generationId: this.#generationId,
      lastJoin: this.#lastJoin,
      counters: {...this.#counters},
      lastSendError: this.#lastSendError,
      lastSendErrorTime: this.#lastSendErrorTime,
      fault: this.#fault,
    };
    return this.#status;
  }

  /** Our own. */
  set generationId(value: number | undefined) {
    this.#generationId = value;
    this.#status = undefined;
  }

  /** So many messages were to be sent, and some may have been refused. Logged when that begins and when it is over. */
  tried(what: Sent, count: number, errors: readonly unknown[]): void {
    if (count === 0) return;
    this.#status = undefined;
    const now = this.#options.clock.now();
    this.#counters[counterOf[what]] += count - errors.length;
    this.#counters.sendErrors += errors.length;
    const [error] = errors;
    if (error !== undefined) this.#failed(what, error instanceof Error ? error.message : String(error), now);
    else if (this.#failing.delete(what)) this.#options.log.info('multicast.send_recovered', {what});
    if (what === 'join' && error === undefined) this.#lastJoin = now;
  }

  /** Nothing of these is tried any more, so that nothing fails either. */
  settled(...what: readonly Sent[]): void {
    this.#status = undefined;
    for (const each of what) this.#failing.delete(each);
  }

  received(what: 'hellosReceived' | 'registerStopsReceived' | 'ignored' | 'malformed'): void {
    this.#status = undefined;
    this.#counters[what] += 1;
  }

  /** `event`: what the neighbor did; absent where it was only heard again. */
  neighborIs(neighbor: NeighborStatus | undefined, event?: 'up' | 'expired' | 'restarted'): void {
    this.#status = undefined;
    this.#neighbor = neighbor;
    if (event === undefined) return;
    this.#options.log.info(`pim.neighbor_${event}`, {generation_id: neighbor?.generationId});
    this.#options.onNeighborChange();
  }

  #failed(what: Sent, message: string, now: Date): void {
    this.#lastSendError = `${what}: ${message}`;
    this.#lastSendErrorTime = now;
    const isNew = this.#failing.get(what) !== message;
    this.#failing.set(what, message);
    if (isNew) this.#options.log.warn('multicast.send_failed', {what, error: message});
  }

  get #fault(): string {
    const faults = [...this.#failing].filter(([what]) => vital.has(what));
    return faults.map(([what, error]) => `no ${what} can be sent: ${error}`).join('; ');
  }
}
