import {type Ipv4Prefix, ipv4, netmask} from '../../ip/ipv4.js';
import type {BgpError} from './bgp-error.js';

/**
 * IPv4 prefixes in the order of the message, as two arrays of the same length: tens of thousands come at a time, and
 * an object for each would cost more than everything else done with them. Host bits are clear.
 */
export interface PrefixList {
  readonly addresses: Uint32Array;
  /** Bits, 0 to 32. */
  readonly lengths: Uint8Array;
}

export const noPrefixes: PrefixList = {addresses: new Uint32Array(), lengths: new Uint8Array()};

export const isEmpty = (list: PrefixList): boolean => list.lengths.length === 0;

/** Takes prefixes into a list, without their host bits. */
export const prefixList = (prefixes: readonly Ipv4Prefix[]): PrefixList => ({
  addresses: Uint32Array.from(prefixes, ({address, length}) => address & netmask(length)),
  lengths: Uint8Array.from(prefixes, ({length}) => length),
});

/** The prefixes one by one, for short lists. */
export const prefixesIn = ({addresses, lengths}: PrefixList): Ipv4Prefix[] =>
  Array.from(addresses, (address, index) => ({address: ipv4(address), length: lengths[index] ?? 0}));

const octetsFor = (length: number): number => (length + 7) >>> 3;

/**
 * Reads the prefixes that fill `bytes` from `start` to `end` (RFC 4271 §4.3). Throws what `malformed` makes of the
 * reason where a length is over 32 or a prefix ends beyond `end` (RFC 7606 §5.3).
 */
export function decodePrefixes(
  bytes: Uint8Array,
  start: number,
  end: number,
  malformed: (why: string) => BgpError,
): PrefixList {
  const count = countPrefixes(bytes, start, end, malformed);
  if (count === 0) return noPrefixes;
  const addresses = new Uint32Array(count);
  const lengths = new Uint8Array(count);
  let at = start;
  for (let index = 0; index < count; index++) {
    // countPrefixes has been here: none of these reads is past the end.
    const length = bytes[at++] as number;
    const octets = octetsFor(length);
    let address = 0;
    for (let shift = 24, stop = at + octets; at < stop; shift -= 8) address |= (bytes[at++] as number) << shift;
    // RFC 4271 §4.3: the bits after the prefix are irrelevant.
    addresses[index] = address & netmask(length);
    lengths[index] = length;
  }
  return {addresses, lengths};
}

/** Checks the field as a whole first, so that the arrays can have their size from the start. */
function countPrefixes(bytes: Uint8Array, start: number, end: number, malformed: (why: string) => BgpError): number {
  let count = 0;
  let at = start;
  while (at < end) {
    const length = bytes[at] as number;
    if (length > 32) throw malformed(`prefix length ${length}`);
    at += 1 + octetsFor(length);
    count++;
  }
  if (at > end) throw malformed('a prefix ends beyond its field');
  return count;
}

export function encodePrefixes({addresses, lengths}: PrefixList): Uint8Array {
  const bytes = new Uint8Array(lengths.reduce((total, length) => total + 1 + octetsFor(length), 0));
  let at = 0;
  lengths.forEach((length, index) => {
    bytes[at++] = length;
    for (let octet = 0; octet < octetsFor(length); octet++) {
      bytes[at++] = (addresses[index] ?? 0) >>> (24 - 8 * octet);
    }
  });
  return bytes;
}

/** Cuts a list into pieces that each take no more than `octets` octets once encoded. */
export function splitPrefixes({addresses, lengths}: PrefixList, octets: number): PrefixList[] {
  const pieces: PrefixList[] = [];
  const cut = (start: number, end: number) =>
    pieces.push({addresses: addresses.slice(start, end), lengths: lengths.slice(start, end)});
  let start = 0;
  let used = 0;
  lengths.forEach((length, index) => {
    const needed = 1 + octetsFor(length);
    if (used + needed > octets) {
      cut(start, index);
      start = index;
      used = 0;
    }
    used += needed;
  });
  if (start < lengths.length) cut(start, lengths.length);
  return pieces;
}
