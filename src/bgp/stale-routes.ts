import type {PrefixKey} from '../ip/prefix-key.js';

/**
 * The routes of a former run, until they are learned again (RFC 4724 §4.1). What is still here at the end-of-RIB is gone
 * from the peer; a timer, the Selection_Deferral_Timer there, stands in for an end-of-RIB that does not come.
 */
export class StaleRoutes {
  readonly #keys = new Set<PrefixKey>();
  #timer: NodeJS.Timeout | undefined;

  /** `onDropped` is given those that were not learned again, if any. */
  constructor(private readonly onDropped: (keys: readonly PrefixKey[]) => void) {}

  get size(): number {
    return this.#keys.size;
  }

  add(key: PrefixKey): void {
    this.#keys.add(key);
  }

  learned(keys: readonly PrefixKey[]): void {
    if (this.#keys.size > 0) for (const key of keys) this.#keys.delete(key);
  }

  /** Drops them after a time in milliseconds, counted from now whatever it was before. */
  dropAfter(time: number): void {
    clearTimeout(this.#timer);
    if (this.#keys.size > 0) this.#timer = setTimeout(() => this.drop(), time);
  }

  drop(): void {
    this.keep();
    const keys = [...this.#keys];
    this.#keys.clear();
    if (keys.length > 0) this.onDropped(keys);
  }

  /** No time is kept any more. */
  keep(): void {
    clearTimeout(this.#timer);
  }
}
