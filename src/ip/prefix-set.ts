import {type Ipv4Prefix, netmask} from './ipv4.js';
import {keyPrefix, type PrefixKey, prefixKey} from './prefix-key.js';

/** A set of networks that tells which prefixes lie within one of them. A question costs a look-up for each length in use. */
export class PrefixSet {
  readonly #keys: ReadonlySet<PrefixKey>;
  readonly #lengths: readonly number[];

  constructor(prefixes: readonly Ipv4Prefix[]) {
    this.#keys = new Set(prefixes.map(({address, length}) => prefixKey(masked(address, length), length)));
    this.#lengths = [...new Set(prefixes.map(({length}) => length))];
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 0;
  }

  covers(key: PrefixKey): boolean {
    if (this.isEmpty) return false;
    const {address, length} = keyPrefix(key);
    return this.#lengths.some(
      shorter => shorter <= length && this.#keys.has(prefixKey(masked(address, shorter), shorter)),
    );
  }
}

const masked = (address: number, length: number): number => (address & netmask(length)) >>> 0;
