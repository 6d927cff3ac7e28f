import {ipv4} from '../../ip/ipv4.js';
import type {BgpError} from './bgp-error.js';
import {type AddressFamily, ipv4Unicast} from './capability.js';
import {concat, u8At, u16, u16At, u32, u32At} from './octets.js';
import type {Announcement} from './path-attributes.js';
import {decodePrefixes, encodePrefixes, type PrefixList} from './prefix-list.js';

type Malformed = (why: string) => BgpError;

/** Octets of an address family, all that MP_UNREACH_NLRI is sure to have. */
export const shortestMpNlri = 3;

export const familyOf = (value: Uint8Array): AddressFamily => ({afi: u16At(value, 0), safi: u8At(value, 2)});

/** Reads MP_REACH_NLRI (RFC 4760 §3) for IPv4 unicast. Throws what `malformed` makes of the reason. */
export function decodeMpReach(value: Uint8Array, malformed: Malformed): Announcement {
  const nextHopLength = u8At(value, shortestMpNlri);
  // RFC 7606 §7.11: where the NLRI begins is not to be relied upon.
  if (nextHopLength !== 4) throw malformed(`next hop of ${nextHopLength} octets, 4 expected`);
  if (value.length < 9) throw malformed(`${value.length} octets, at least 9 expected`);
  // The octet after the next hop is reserved and ignored.
  return {nextHop: ipv4(u32At(value, 4)), nlri: decodePrefixes(value, 9, value.length, malformed)};
}

/** Reads MP_UNREACH_NLRI (RFC 4760 §4) for IPv4 unicast. Throws what `malformed` makes of the reason. */
export function decodeMpUnreach(value: Uint8Array, malformed: Malformed): PrefixList {
  if (value.length < shortestMpNlri) throw malformed(`${value.length} octets, at least ${shortestMpNlri} expected`);
  return decodePrefixes(value, shortestMpNlri, value.length, malformed);
}

const family = [...u16(ipv4Unicast.afi), ipv4Unicast.safi];

export const encodeMpReach = ({nextHop, nlri}: Announcement): Uint8Array =>
  concat(family, [4], u32(nextHop), [0], encodePrefixes(nlri));

export const encodeMpUnreach = (withdrawn: PrefixList): Uint8Array => concat(family, encodePrefixes(withdrawn));
