export interface QuarantineOptions {
  /** Milliseconds that a party is kept out. */
  readonly duration: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** Parties kept out at a time, at most; past that those are let in again that were put in first. */
  readonly parties?: number;
}

/** Who has tried to wear the daemon out, and is kept out for a while: connecting anew would otherwise cost it nothing. */
export class Quarantine {
  readonly #duration: number;
  readonly #now: () => number;
  readonly #parties: number;
  /** Until when; in the order of those times. */
  readonly #until = new Map<string, number>();

  constructor({duration, now = () => performance.now(), parties = 1024}: QuarantineOptions) {
    this.#duration = duration;
    this.#now = now;
    this.#parties = parties;
  }

  /** Keeps a party out from now on; the time begins anew where it is already. */
  add(party: string): void {
    this.#until.delete(party);
    this.#until.set(party, this.#now() + this.#duration);
    for (const [oldest, until] of this.#until) {
      if (until > this.#now() && this.#until.size <= this.#parties) return;
      this.#until.delete(oldest);
    }
  }

  has(party: string): boolean {
    return (this.#until.get(party) ?? Number.NEGATIVE_INFINITY) > this.#now();
  }

  /** Parties remembered now. */
  get size(): number {
    return this.#until.size;
  }
}
