import {randomUUID} from 'node:crypto';
import type {BgpSessionStatus} from '../bgp/bgp-speaker.js';
import type {MulticastStatus} from '../multicast/multicast-speaker.js';
import type {Tunnel} from './tunnel.js';
import {Watcher, type WatcherTooSlow} from './watcher.js';

/** What can happen to a tunnel, by the names of `TunnelEventType` in the protos. */
export type ChangeType =
  | 'created'
  | 'updated'
  | 'sessionChanged'
  | 'teardownStarted'
  | 'linkDown'
  | 'removed'
  | 'driftDetected'
  | 'driftRepaired';

/** Something that happened, or a part of the snapshot that a watch begins with. Every reader gets the same object. */
export interface TunnelEvent {
  readonly type: ChangeType | 'snapshot' | 'snapshotEnd';
  /** Right after the event; for `removed` as it last was. Absent in `snapshotEnd`. */
  readonly tunnel?: Tunnel;
  readonly session?: BgpSessionStatus | undefined;
  readonly multicast?: MulticastStatus | undefined;
  readonly time: Date;
  /** Resumes after this event. Empty in `snapshot`: half a snapshot cannot be resumed. */
  readonly resumeToken: string;
  readonly reason: string;
}

export interface WatchOptions {
  /** Of the last event that was dealt with; empty to begin with a snapshot. */
  readonly resumeToken: string;
  /** Tunnels of interest; empty for all. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  /** Called at once when the reader is cut off; it may be stuck and never see what the stream throws. */
  readonly onOverrun: (error: WatcherTooSlow) => void;
}

/** A tunnel with its BGP session and its multicast side at one moment. */
export interface Observed {
  readonly tunnel: Tunnel;
  readonly session: BgpSessionStatus | undefined;
  readonly multicast: MulticastStatus | undefined;
}

const errorOf = ({session}: Observed): string => session?.lastError ?? '';

/** Changes kept for those who resume: some minutes even of a session that goes up and down all the time. */
const historyLength = 4096;

/** Tells what happens to the tunnels, in order, to any number of readers. */
export class TunnelEvents {
  /** Tokens of another run of the daemon must not be taken for ours. */
  readonly #run = randomUUID();
  readonly #history: TunnelEvent[] = [];
  readonly #watchers = new Set<Watcher>();
  /** The session's error, tunnel by tunnel, as it was last told. */
  readonly #errors = new Map<string, string>();
  #sequence = 0;

  constructor(private readonly observe: () => Observed[]) {}

  publish(type: ChangeType, observed: Observed, reason = ''): void {
    this.#errors.set(observed.tunnel.name, errorOf(observed));
    this.#sequence += 1;
    const event = {...observed, type, time: new Date(), resumeToken: this.#token(), reason};
    this.#history.push(event);
    if (this.#history.length > historyLength) this.#history.shift();
    for (const watcher of this.#watchers) watcher.offer(event);
  }

  /**
   * Tells what is wrong with a session whose state stays the same, such as routes that the kernel refuses. To be asked for
   * now and then: there are counts in it, which may change all the time.
   */
  publishComplaint(observed: Observed): void {
    const {name} = observed.tunnel;
    if (errorOf(observed) !== (this.#errors.get(name) ?? '')) this.publish('sessionChanged', observed);
  }

  /**
   * What happened since the token, or a snapshot where there is none, or none that we know: then everything that happens.
   * Throws `WatcherTooSlow`.
   */
  async *watch({resumeToken, names, signal, onOverrun}: WatchOptions): AsyncGenerator<TunnelEvent, void, void> {
    const wants = ({tunnel}: TunnelEvent) => !tunnel || names.length === 0 || names.includes(tunnel.name);
    const watcher = new Watcher(wants, onOverrun);
    // Taken in the same breath as the registration, so nothing falls between the two.
    const before = this.#since(resumeToken) ?? this.#snapshot();
    this.#watchers.add(watcher);
    try {
      yield* before.filter(wants);
      yield* watcher.events(signal);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #token(): string {
    return Buffer.from(`${this.#run} ${this.#sequence}`).toString('base64url');
  }

  #since(token: string): TunnelEvent[] | undefined {
    const [run, number = ''] = Buffer.from(token, 'base64url').toString().split(' ');
    const missed = this.#sequence - Number(number);
    const isKnown = run === this.#run && missed >= 0 && missed <= this.#history.length;
    return isKnown ? this.#history.slice(this.#history.length - missed) : undefined;
  }

  #snapshot(): TunnelEvent[] {
    const time = new Date();
    return [
      ...this.observe().map(observed => ({...observed, type: 'snapshot' as const, time, resumeToken: '', reason: ''})),
      {type: 'snapshotEnd', time, resumeToken: this.#token(), reason: ''},
    ];
  }
}
