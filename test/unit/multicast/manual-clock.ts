import type {Clock} from '../../../src/multicast/clock.js';

interface Timer {
  readonly at: number;
  readonly work: () => void;
}

/** Time that passes when it is told to. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** `chance`: what `random` answers, one after the other and then from the front again. */
  constructor(private readonly chance: readonly number[] = [0.5]) {}

  now = (): Date => new Date(this.#now);

  #drawn = 0;
  random = (): number => this.chance[this.#drawn++ % this.chance.length] ?? 0;

  after = (milliseconds: number, work: () => void): (() => void) => {
    const timer = {at: this.#now + milliseconds, work};
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Does all that is due within so many milliseconds, in its order, and what comes of it. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settled();
      const [next] = [...this.#timers].filter(({at}) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.work();
    }
    this.#now = end;
  }
}

/** Resolves when promises that wait for nothing but each other are through. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
