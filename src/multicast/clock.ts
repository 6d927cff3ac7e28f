/** Time and chance, so that tests need not wait for either. */
export interface Clock {
  now(): Date;
  /** From 0 up to 1. */
  random(): number;
  /** Does the work once, so many milliseconds from now; the result calls it off. */
  after(milliseconds: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  random: Math.random,
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** A period with up to 3 % more or less, so that the many clients of a device do not fall into step. */
export const jittered = (clock: Clock, milliseconds: number): number => milliseconds * (0.97 + 0.06 * clock.random());

export const pause = (clock: Clock, milliseconds: number): Promise<void> =>
  new Promise(resolve => clock.after(milliseconds, resolve));
