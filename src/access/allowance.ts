import type {CallRate} from './call-rate.js';
import {LimitReached} from './limit-reached.js';

/** Identities of which is remembered that they are over their limit. Forgetting one costs a line in the audit log. */
const remembered = 4096;

/**
 * What each identity may do of that which leaves a line in the audit log: changes, and calls that are refused. Without a
 * bound on the latter anybody who can connect could fill the disk.
 */
export class Allowance {
  readonly #over = new Set<string>();

  constructor(private readonly rate: Pick<CallRate, 'take'>) {}

  /** Throws `LimitReached` where the identity has spent what it is given. */
  spend(identity: string): void {
    const wait = this.rate.take(identity);
    if (wait === undefined) {
      this.#over.delete(identity);
      return;
    }
    const isFirst = !this.#over.has(identity);
    if (this.#over.size >= remembered) this.#over.clear();
    this.#over.add(identity);
    throw new LimitReached(identity, 'max-changes', wait, isFirst);
  }
}
