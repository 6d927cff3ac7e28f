import type {BgpSessionState} from './bgp-speaker.js';

/** Milliseconds without an established session after which it counts as failed. */
export const establishmentTime = 30_000;

/**
 * What a session looks like from outside. The state machine goes round and round while a peer is away; this says in one
 * word what an operator should know, and changes only when that changes.
 */
export class SessionStatus {
  state: BgpSessionState = 'pending';
  lastError = '';
  lastUpdate = new Date();
  holdTime: number | undefined;
  establishedTime: Date | undefined;
  /** Whether TCP came up since the clock was last started. */
  #connected = false;
  #clock: NodeJS.Timeout | undefined;

  constructor(private readonly onChange: () => void) {
    this.#startClock();
  }

  connected(): void {
    this.#connected = true;
  }

  /** The peer's OPEN came and is acceptable. A session that has failed before stays so until it is up. */
  opened(): void {
    if (this.state === 'pending' || this.state === 'down') this.#become('initializing');
  }

  established(holdTime: number): void {
    clearTimeout(this.#clock);
    this.holdTime = holdTime;
    this.establishedTime = new Date();
    this.#become('up');
  }

  /** A connection ended; `error` says why, where something went wrong. */
  closed(error: string): void {
    const wasUp = this.state === 'up';
    this.holdTime = undefined;
    this.establishedTime = undefined;
    const hadConnection = wasUp || this.state === 'initializing' || (this.state === 'pending' && this.#connected);
    if (error !== '') this.#note(error);
    if (hadConnection) this.#become('down');
    if (wasUp) this.#startClock();
  }

  stop(): void {
    clearTimeout(this.#clock);
  }

  #startClock(): void {
    clearTimeout(this.#clock);
    this.#connected = false;
    this.#clock = setTimeout(() => {
      const state = this.#connected ? 'failed' : 'unreachable';
      this.#startClock();
      this.#become(state);
    }, establishmentTime);
  }

  #note(error: string): void {
    if (error === this.lastError) return;
    this.lastError = error;
    this.#changed();
  }

  #become(state: BgpSessionState): void {
    if (state === this.state) return;
    this.state = state;
    this.#changed();
  }

  #changed(): void {
    this.lastUpdate = new Date();
    this.onChange();
  }
}
