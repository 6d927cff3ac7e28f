import type {Ipv4} from '../../ip/ipv4.js';
import type {AsPath} from './as-path.js';
import type {PrefixList} from './prefix-list.js';

/** Attribute type codes (RFC 4271 §5 and the RFCs named in `attribute-rules.ts`). */
export const attributeType = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReachNlri: 14,
  mpUnreachNlri: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
  attrSet: 128,
} as const;

/** Bits of the Attribute Flags octet (RFC 4271 §4.3). */
export const attributeFlag = {optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10} as const;

export const origins = ['IGP', 'EGP', 'INCOMPLETE'] as const; // 0, 1, 2
export type Origin = (typeof origins)[number];

export interface Aggregator {
  readonly as: number;
  readonly address: Ipv4;
}

/** Prefixes and the way to them. */
export interface Announcement {
  readonly nextHop: Ipv4;
  readonly nlri: PrefixList;
}

/** An attribute kept as it came. */
export interface RawAttribute {
  readonly type: number;
  /** Optional, Transitive and Partial. */
  readonly flags: number;
  readonly value: Uint8Array;
}

/**
 * The attributes of an UPDATE. AS numbers have four octets here whatever the session's width is: AS4_PATH and
 * AS4_AGGREGATOR are made and merged by the codec (RFC 6793 §4.2) and nobody else sees them.
 */
export interface PathAttributes {
  readonly origin?: Origin | undefined;
  readonly asPath?: AsPath | undefined;
  readonly nextHop?: Ipv4 | undefined;
  readonly multiExitDisc?: number | undefined;
  readonly localPref?: number | undefined;
  readonly atomicAggregate?: true | undefined;
  readonly aggregator?: Aggregator | undefined;
  /** RFC 1997: AS number in the upper half. */
  readonly communities?: readonly number[] | undefined;
  readonly originatorId?: Ipv4 | undefined;
  readonly clusterList?: readonly Ipv4[] | undefined;
  /** MP_REACH_NLRI for IPv4 unicast (RFC 4760 §3). */
  readonly mpReach?: Announcement | undefined;
  /** MP_UNREACH_NLRI for IPv4 unicast (RFC 4760 §4). */
  readonly mpUnreach?: PrefixList | undefined;
  /** Extended and large communities, ATTR_SET, and transitive attributes this program does not know. */
  readonly others?: readonly RawAttribute[] | undefined;
}
