declare const brand: unique symbol;

/** An IPv4 address: an unsigned 32-bit number in host byte order, so it compares, sorts and keys a map cheaply. */
export type Ipv4 = number & {readonly [brand]: 'Ipv4'};

/** An address and a prefix length of 0 to 32 bits. The host bits may be set: `169.254.0.1/31` names an interface address. */
export interface Ipv4Prefix {
  readonly address: Ipv4;
  readonly length: number;
}

const octet = '(0|[1-9][0-9]{0,2})';
const dottedQuad = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}$`);
const prefixLength = /^(?:[0-9]|[12][0-9]|3[0-2])$/;

/** Takes a number as the 32 bits of an address. */
export const ipv4 = (bits: number): Ipv4 => (bits >>> 0) as Ipv4;

/** Reads dotted text. `undefined` for anything else, octets with leading zeros among it: some programs read those as octal. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const octets = dottedQuad.exec(text)?.slice(1).map(Number);
  if (octets?.some(value => value > 255) ?? true) return undefined;
  return ipv4(octets?.reduce((bits, value) => bits * 256 + value, 0) ?? 0);
}

export const formatIpv4 = (address: Ipv4): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

/** Reads CIDR text. Host bits are kept; `hasHostBits` tells. `undefined` for anything that is not CIDR text. */
export function parsePrefix(text: string): Ipv4Prefix | undefined {
  const [addressText = '', lengthText = '', ...rest] = text.split('/');
  const address = parseIpv4(addressText);
  if (address === undefined || rest.length > 0 || !prefixLength.test(lengthText)) return undefined;
  return {address, length: Number(lengthText)};
}

export const formatPrefix = ({address, length}: Ipv4Prefix): string => `${formatIpv4(address)}/${length}`;

export const netmask = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);

/** The prefix with its host bits cleared. */
export const networkOf = ({address, length}: Ipv4Prefix): Ipv4Prefix => ({
  address: ipv4(address & netmask(length)),
  length,
});

export const hasHostBits = (prefix: Ipv4Prefix): boolean => networkOf(prefix).address !== prefix.address;

export const contains = (prefix: Ipv4Prefix, address: Ipv4): boolean =>
  ipv4(address & netmask(prefix.length)) === networkOf(prefix).address;

export const hostPrefix = (address: Ipv4): Ipv4Prefix => ({address, length: 32});

export const samePrefix = (a: Ipv4Prefix, b: Ipv4Prefix): boolean => a.address === b.address && a.length === b.length;

/** Not 0.0.0.0, which stands for any address. */
export const isSpecified = (address: Ipv4): boolean => address !== 0;
/** 0.0.0.0/8, "this network" (RFC 1122 §3.2.1.3). */
export const isThisNetwork = (address: Ipv4): boolean => address >>> 24 === 0;
/** 127.0.0.0/8 (RFC 1122 §3.2.1.3). */
export const isLoopback = (address: Ipv4): boolean => address >>> 24 === 127;
/** 224.0.0.0/4 (RFC 5771). */
export const isMulticast = (address: Ipv4): boolean => address >>> 28 === 0xe;
/** 224.0.0.0/24: never forwarded by a router (RFC 5771 §4). */
export const isLocalMulticast = (address: Ipv4): boolean => address >>> 8 === 0xe00000;
/** 240.0.0.0/4, reserved, limited broadcast included (RFC 1112 §4, RFC 919 §7). */
export const isReserved = (address: Ipv4): boolean => address >>> 28 === 0xf;
