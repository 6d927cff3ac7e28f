import type {BgpSessionState} from './bgp-speaker.js';

/** Milliseconds without an established session after which it counts as failed. */
export const defaultEstablishmentTime = 30_000;

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
  /** The time for a session is over, and there is none. */
  #overdue = false;
  #clock: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly onChange: () => void,
    private readonly establishmentTime = defaultEstablishmentTime,
  ) {
    this.#startClock();
  }

  connected(): void {
    this.#connected = true;
  }

  /** The peer's OPEN came and is acceptable. */
  opened(): void {
    this.#become('initializing');
  }

  established(holdTime: number): void {
    clearTimeout(this.#clock);
    this.#overdue = false;
    this.holdTime = holdTime;
    this.establishedTime = new Date();
    this.#become('up');
  }

  /** A connection ended; `error` says why, where something went wrong. A peer that had failed has failed again. */
  closed(error: string): void {
    const wasUp = this.state === 'up';
    this.holdTime = undefined;
    this.establishedTime = undefined;
    const hadConnection = wasUp || this.state === 'initializing' || (this.state === 'pending' && this.#connected);
    const closed = this.#overdue ? 'failed' : 'down';
    this.#become(hadConnection ? closed : this.state, error || this.lastError);
    if (wasUp) this.#startClock();
  }

  /** No time is kept any more, whatever happens to the session on its way out. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#clock);
  }

  #startClock(): void {
    clearTimeout(this.#clock);
    this.#connected = false;
    if (this.#stopped) return;
    this.#clock = setTimeout(() => {
      const state = this.#connected ? 'failed' : 'unreachable';
      this.#startClock();
      this.#overdue = true;
      this.#become(state);
    }, this.establishmentTime);
  }

  /** State and error change together, so that nobody is told of one without the other. */
  #become(state: BgpSessionState, error = this.lastError): void {
    if (state === this.state && error === this.lastError) return;
    this.state = state;
    this.lastError = error;
    this.lastUpdate = new Date();
    this.onChange();
  }
}
