import {type Ipv4, type Ipv4Prefix, ipv4} from './ipv4.js';

/**
 * A prefix as one number: 100,000 of them in a `Map` cost no object each, and sorted they are in the order of address,
 * then length. Host bits have to be clear.
 */
export type PrefixKey = number;

const lengths = 64;

export const prefixKey = (address: number, length: number): PrefixKey => address * lengths + length;

export const keyAddress = (key: PrefixKey): Ipv4 => ipv4(Math.floor(key / lengths));

export const keyPrefix = (key: PrefixKey): Ipv4Prefix => ({address: keyAddress(key), length: key % lengths});
