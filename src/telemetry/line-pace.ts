/** Milliseconds between two lines about the same: whoever causes them may do so thousands of times a second. */
const pause = 1000;

/** Lines of the log about the same, at most one a second, with the number of times since the one before. */
export class LinePace<Subject> {
  readonly #since = new Map<Subject, {times: number; lastLine: number}>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Counts one more. Returns the number of times where there may be a line about it now. */
  count(subject: Subject): number | undefined {
    const since = this.#since.get(subject) ?? {times: 0, lastLine: Number.NEGATIVE_INFINITY};
    this.#since.set(subject, since);
    since.times += 1;
    if (this.now() - since.lastLine < pause) return undefined;
    const {times} = since;
    since.times = 0;
    since.lastLine = this.now();
    return times;
  }
}
