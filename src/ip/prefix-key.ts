import {type Ipv4, type Ipv4Prefix, ipv4} from './ipv4.js';

/**
 * A prefix as one number, so that 100,000 of them in a `Map` cost no object each. Host bits have to be clear.
 *
 * A /32, which is what a host's peers announce most, is its address as a signed 32-bit number: V8 keeps those without
 * an object, and a `Map` finds them several times as fast as other numbers.
 */
export type PrefixKey = number;

const lengths = 64;
/** Above all keys of /32. */
const shorter = 2 ** 33;

export const prefixKey = (address: number, length: number): PrefixKey =>
  length === 32 ? address | 0 : shorter + address * lengths + length;

export const keyPrefix = (key: PrefixKey): Ipv4Prefix =>
  key < shorter ? {address: ipv4(key), length: 32} : ordinalPrefix(key - shorter);

export const keyAddress = (key: PrefixKey): Ipv4 => keyPrefix(key).address;

/** A number by which prefixes are in the order of address, then length. */
export const prefixOrdinal = (key: PrefixKey): number => (key < shorter ? (key >>> 0) * lengths + 32 : key - shorter);

const ordinalPrefix = (ordinal: number): Ipv4Prefix => ({
  address: ipv4(Math.floor(ordinal / lengths)),
  length: ordinal % lengths,
});

export const ordinalKey = (ordinal: number): PrefixKey => {
  const {address, length} = ordinalPrefix(ordinal);
  return prefixKey(address, length);
};
