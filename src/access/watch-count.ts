/** Counts the watchers of each identity. One that has none needs no memory. */
export class WatchCount {
  readonly #counts = new Map<string, number>();

  /** @param max watchers at a time, for each identity */
  constructor(private readonly max: number) {}

  /** Counts a watcher until the answer is disposed of, once or more often; `undefined` where the identity has its fill. */
  open(identity: string): Disposable | undefined {
    const count = this.#counts.get(identity) ?? 0;
    if (count >= this.max) return undefined;
    this.#counts.set(identity, count + 1);
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (isOpen) this.#close(identity);
        isOpen = false;
      },
    };
  }

  /** Identities that have a watcher now. */
  get identities(): number {
    return this.#counts.size;
  }

  #close(identity: string): void {
    const count = this.#counts.get(identity) ?? 0;
    if (count > 1) this.#counts.set(identity, count - 1);
    else this.#counts.delete(identity);
  }
}
