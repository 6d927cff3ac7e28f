import type {TunnelEvent} from './events.js';

/** The reader took its events too slowly and was cut off; the last token it received resumes the watch. */
export class WatcherTooSlow extends Error {
  override readonly name = 'WatcherTooSlow';

  constructor() {
    super('the watch is read too slowly and was cut off; resume with the last resume_token received');
  }
}

/** Events a reader may be behind. It is told of far more than ever happen in a second; what is beyond is a reader gone astray. */
const capacity = 512;

/** The events for one reader that it has not taken yet: bounded, so that no reader can hold the daemon's memory. */
export class Watcher {
  readonly #queue: TunnelEvent[] = [];
  #wake: (() => void) | undefined;
  #overrun = false;

  constructor(
    private readonly wants: (event: TunnelEvent) => boolean,
    private readonly onOverrun: (error: WatcherTooSlow) => void,
  ) {}

  offer(event: TunnelEvent): void {
    if (this.#overrun || !this.wants(event)) return;
    if (this.#queue.length < capacity) {
      this.#queue.push(event);
    } else {
      this.#overrun = true;
      this.#queue.length = 0;
      this.onOverrun(new WatcherTooSlow());
    }
    this.#wake?.();
  }

  /** The events as they come, until the signal is aborted. Throws `WatcherTooSlow`. */
  async *events(signal: AbortSignal): AsyncGenerator<TunnelEvent, void, void> {
    const wake = () => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (this.#overrun) throw new WatcherTooSlow();
        const event = this.#queue.shift();
        if (event) yield event;
        else
          await new Promise<void>(resolve => {
            this.#wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }
}
