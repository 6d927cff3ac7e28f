import type {Ipv4} from '../ip/ipv4.js';
import {ordinalKey, type PrefixKey, prefixKey, prefixOrdinal} from '../ip/prefix-key.js';
import {type AsPath, asNumbersIn} from './codec/as-path.js';
import type {PathAttributes} from './codec/path-attributes.js';
import type {PrefixList} from './codec/prefix-list.js';
import type {DecodedUpdate} from './codec/update-decode.js';

/** What an UPDATE changed. No prefix is in both lists. */
export interface RibChange {
  /** Learned for the first time, or again: a later announcement replaces the earlier one (RFC 4271 §3.1). */
  readonly announced: readonly PrefixKey[];
  readonly withdrawn: readonly PrefixKey[];
  /** How many were not learned because their next hop is not the device at the other end of the tunnel. */
  readonly badNextHop: number;
}

const noPath: AsPath = [];

/** Adj-RIB-In (RFC 4271 §3.2): the routes of one peer as it advertises them now. */
export class AdjRibIn {
  /** The path of an UPDATE is one object, shared by all its prefixes. */
  readonly #paths = new Map<PrefixKey, AsPath>();
  #ordinals: Float64Array | undefined;
  #asNumbers = 0;

  /** `nextHop` is the only one a route can have: a /31 leads to nobody else. */
  constructor(private readonly nextHop: Ipv4) {}

  get size(): number {
    return this.#paths.size;
  }

  /** AS numbers in the paths of all prefixes, those of a shared path once for each: what paths can cost in memory. */
  get asNumbers(): number {
    return this.#asNumbers;
  }

  apply({withdrawals, announcements, update}: DecodedUpdate): RibChange {
    const withdrawn: PrefixKey[] = [];
    const announced: PrefixKey[] = [];
    let badNextHop = 0;
    for (const list of withdrawals) this.#remove(list, withdrawn);
    for (const {nextHop, nlri} of announcements) {
      if (nextHop === this.nextHop) {
        this.#add(nlri, update.pathAttributes, announced);
      } else {
        // Whatever was learned before is replaced, and by something that leads nowhere.
        badNextHop += nlri.lengths.length;
        this.#remove(nlri, withdrawn);
      }
    }
    if (announced.length === 0 || withdrawn.length === 0) return {announced, withdrawn, badNextHop};
    // A prefix may be in several fields of one message; what became of it in the end is what counts.
    return {
      announced: announced.filter(key => this.#paths.has(key)),
      withdrawn: withdrawn.filter(key => !this.#paths.has(key)),
      badNextHop,
    };
  }

  clear(): PrefixKey[] {
    const keys = [...this.#paths.keys()];
    this.#paths.clear();
    this.#asNumbers = 0;
    this.#ordinals = undefined;
    return keys;
  }

  asPath(key: PrefixKey): AsPath {
    return this.#paths.get(key) ?? noPath;
  }

  /** Up to `limit` prefixes after the given one, in order. */
  keysAfter(after: PrefixKey | undefined, limit: number): PrefixKey[] {
    this.#ordinals ??= Float64Array.from(this.#paths.keys(), prefixOrdinal).sort();
    const start = after === undefined ? 0 : firstAbove(this.#ordinals, prefixOrdinal(after));
    return Array.from(this.#ordinals.subarray(start, start + limit), ordinalKey);
  }

  #add({addresses, lengths}: PrefixList, {asPath = noPath}: PathAttributes, announced: PrefixKey[]): void {
    this.#ordinals = undefined;
    const size = asNumbersIn(asPath);
    for (let index = 0; index < lengths.length; index++) {
      const key = prefixKey(addresses[index] ?? 0, lengths[index] ?? 0);
      this.#asNumbers += size - asNumbersIn(this.asPath(key));
      this.#paths.set(key, asPath);
      announced.push(key);
    }
  }

  #remove({addresses, lengths}: PrefixList, withdrawn: PrefixKey[]): void {
    this.#ordinals = undefined;
    for (let index = 0; index < lengths.length; index++) {
      const key = prefixKey(addresses[index] ?? 0, lengths[index] ?? 0);
      const path = this.#paths.get(key);
      if (path === undefined) continue;
      this.#paths.delete(key);
      this.#asNumbers -= asNumbersIn(path);
      withdrawn.push(key);
    }
  }
}

/** Index of the first element greater than the value. */
function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
