/**
 * SIGHUP is what logrotate and operators send. Without a listener it ends the process, so from here on there is one as long as
 * the process lives, also while it starts and stops.
 */
export class Hangups {
  #listener: (() => void) | undefined;
  #isMissed = false;

  constructor() {
    process.on('SIGHUP', () => this.#tell());
  }

  /** Calls the listener with each until the answer is disposed of, and now if there was one before. */
  listen(listener: () => void): Disposable {
    this.#listener = listener;
    if (this.#isMissed) this.#tell();
    return {
      [Symbol.dispose]: () => {
        this.#listener = undefined;
      },
    };
  }

  #tell(): void {
    this.#isMissed = this.#listener === undefined;
    this.#listener?.();
  }
}
