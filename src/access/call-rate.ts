const minute = 60_000;

export interface CallRateOptions {
  /** Calls that an identity may make at once, and then again each minute. */
  readonly perMinute: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** Identities remembered at most. */
  readonly identities?: number;
}

/**
 * A token bucket for each identity. Of each only the time is kept when its bucket will be full again (the "generic cell
 * rate algorithm"): a bucket that is full needs no memory, so who calls rarely leaves nothing behind.
 *
 * Past the number of identities that are remembered, those are forgotten that have not called for the longest. To profit
 * from that a caller needs more identities than fit, and with those it might call more often anyway.
 */
export class CallRate {
  readonly #interval: number;
  readonly #now: () => number;
  readonly #identities: number;
  /** When each bucket will be full; in the order of the last calls. */
  readonly #fullAt = new Map<string, number>();

  constructor({perMinute, now = () => performance.now(), identities = 4096}: CallRateOptions) {
    this.#interval = minute / perMinute;
    this.#now = now;
    this.#identities = identities;
  }

  /**
   * Counts a call and returns nothing, or does not count it and returns the milliseconds, a whole number, after which
   * there is room for it.
   */
  take(identity: string): number | undefined {
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(identity) ?? now, now) + this.#interval;

    const wait = Math.ceil(fullAt - now - minute - 1e-3);
    this.#remember(identity, wait > 0 ? fullAt - this.#interval : fullAt, now);
    return wait > 0 ? wait : undefined;
  }

  /** Identities remembered now. */
  get size(): number {
    return this.#fullAt.size;
  }

  #remember(identity: string, fullAt: number, now: number): void {
    this.#fullAt.delete(identity);
    this.#fullAt.set(identity, fullAt);
    for (const [oldest, full] of this.#fullAt) {
      if (full > now && this.#fullAt.size <= this.#identities) return;
      this.#fullAt.delete(oldest);
    }
  }
}
