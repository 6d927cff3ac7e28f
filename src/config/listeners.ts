/** Who wants to hear of a change. Listeners must not throw. */
export class Listeners {
  readonly #tellers = new Set<() => void>();

  /** Returns what takes it away again. */
  add(listener: () => void): () => void {
    // A function of its own, so that a listener that is given twice is told twice and taken away once.
    const tell = () => listener();
    this.#tellers.add(tell);
    return () => void this.#tellers.delete(tell);
  }

  tell(): void {
    for (const tell of this.#tellers) tell();
  }

  clear(): void {
    this.#tellers.clear();
  }
}
