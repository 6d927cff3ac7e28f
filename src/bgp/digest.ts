/** Milliseconds from one telling to the next. */
const interval = 1000;

/**
 * Keeps a log readable, and the disk below it free, whatever a peer is up to: what happens first is told at once, and
 * all that follows within a second as one.
 */
export class Digest<T> {
  #held: T | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly merge: (earlier: T, later: T) => T,
    private readonly tell: (sum: T) => void,
  ) {}

  add(item: T): void {
    this.#held = this.#held === undefined ? item : this.merge(this.#held, item);
    if (this.#timer === undefined) this.flush();
  }

  /** Tells what has not been told yet, without waiting for its time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held === undefined) return;
    const held = this.#held;
    this.#held = undefined;
    this.tell(held);
    // What nobody waits for shall not keep the process alive.
    this.#timer = setTimeout(() => this.flush(), interval).unref();
  }
}
