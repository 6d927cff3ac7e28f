import {type Ipv4, type Ipv4Prefix, parseIpv4, parsePrefix} from '../../../../src/ip/ipv4.js';

/** The host's DoubleZero address, which it advertises. */
export const doublezeroIp = '10.99.0.1';

export function ipv4(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

export function prefix(text: string): Ipv4Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(`not a prefix: ${text}`);
  return parsed;
}
