import {ipv4, isLoopback, isMulticast, isReserved, isThisNetwork} from '../../ip/ipv4.js';
import {type AsPath, type AsWidth, decodeAsPath} from './as-path.js';
import {BgpError, errorCode, updateSubcode} from './bgp-error.js';
import {isIpv4Unicast} from './capability.js';
import {decodeMpReach, decodeMpUnreach, familyOf, shortestMpNlri} from './mp-nlri.js';
import {numbersIn, u8At, u32At} from './octets.js';
import {type Aggregator, attributeFlag, attributeType, origins, type PathAttributes} from './path-attributes.js';

/** What of a session an UPDATE is read by. `SessionParameters` has it. */
export interface UpdateContext {
  readonly asWidth: AsWidth;
  /** The peer is in another AS. */
  readonly external: boolean;
}

/** An attribute cut out of an UPDATE, not looked into yet. Views of the message. */
export interface AttributeOctets {
  readonly type: number;
  readonly flags: number;
  readonly value: Uint8Array;
  /** A copy from the flags on: what a NOTIFICATION quotes. */
  whole(): Uint8Array;
}

/** What one attribute adds; the AS4 ones are still to be merged. */
export interface AttributeFields extends PathAttributes {
  readonly as4Path?: AsPath;
  readonly as4Aggregator?: Aggregator;
}

/** What becomes of an UPDATE with the content of this attribute malformed (RFC 7606 §2). */
export type Severity = 'attribute-discard' | 'treat-as-withdraw' | 'session-reset';

export interface AttributeRule {
  readonly name: string;
  /** What the Optional and Transitive bits have to be, where that is known. */
  readonly flags?: number;
  readonly malformed: Severity;
  /** The attribute is discarded unseen where it means nothing on this session. */
  readonly discardWhen?: (context: UpdateContext, attribute: AttributeOctets) => boolean;
  /** Throws a `BgpError` where the attribute is malformed. */
  readonly decode: (attribute: AttributeOctets, context: UpdateContext) => AttributeFields;
}

/** An UPDATE Message Error about one attribute; the data quotes it (RFC 4271 §6.3). */
export const attributeError = (subcode: number, why: string, attribute?: AttributeOctets): BgpError =>
  new BgpError(errorCode.updateMessage, subcode, why, attribute?.whole());

function exactly(length: number, attribute: AttributeOctets): Uint8Array {
  if (attribute.value.length === length) return attribute.value;
  const why = `${attribute.value.length} octets, ${length} expected`;
  throw attributeError(updateSubcode.attributeLengthError, why, attribute);
}

/** One or more items of `length` octets. */
function multipleOf(length: number, attribute: AttributeOctets): Uint8Array {
  const {value} = attribute;
  if (value.length > 0 && value.length % length === 0) return value;
  const why = `${value.length} octets, a multiple of ${length} expected`;
  throw attributeError(updateSubcode.attributeLengthError, why, attribute);
}

const raw = ({type, flags, value}: AttributeOctets): AttributeFields => ({
  others: [{type, flags: flags & keptFlags, value: value.slice()}],
});
const keptFlags = attributeFlag.optional | attributeFlag.transitive | attributeFlag.partial;

/** Checked for its length only: nothing here acts on what is in it. */
const rawItems = (length: number) => (attribute: AttributeOctets) => {
  multipleOf(length, attribute);
  return raw(attribute);
};

const aggregator = (value: Uint8Array, width: AsWidth, attribute: AttributeOctets): Aggregator => {
  const as = numbersIn(value.subarray(0, width), width)[0] ?? 0;
  if (as === 0) throw attributeError(updateSubcode.optionalAttributeError, 'AS 0', attribute); // RFC 7607 §2
  return {as, address: ipv4(u32At(value, width))};
};

const wellKnown = attributeFlag.transitive;
const optional = attributeFlag.optional;
const optionalTransitive = attributeFlag.optional | attributeFlag.transitive;

const fromOutside = ({external}: UpdateContext) => external;
const fourOctetSession = ({asWidth}: UpdateContext) => asWidth === 4;
/** Routes of a family we never offer are not for us, and their syntax is not ours to judge (RFC 4760 §7). */
const ofOtherFamily = (_: UpdateContext, {value}: AttributeOctets) =>
  value.length >= shortestMpNlri && !isIpv4Unicast(familyOf(value));

const {invalidOrigin, invalidNextHop, malformedAsPath, optionalAttributeError, attributeLengthError} = updateSubcode;

/**
 * How each attribute is to look and what becomes of the UPDATE if it does not: RFC 7606 §7 unless another RFC is
 * named. A type without a rule is unknown.
 */
export const attributeRules: Partial<Record<number, AttributeRule>> = {
  [attributeType.origin]: {
    name: 'ORIGIN', // §7.1
    flags: wellKnown,
    malformed: 'treat-as-withdraw',
    decode(attribute) {
      const value = u8At(exactly(1, attribute), 0);
      const origin = origins[value];
      if (origin === undefined) throw attributeError(invalidOrigin, `value ${value}`, attribute);
      return {origin};
    },
  },
  [attributeType.asPath]: {
    name: 'AS_PATH', // §7.2
    flags: wellKnown,
    malformed: 'treat-as-withdraw',
    decode: ({value}, {asWidth}) => ({
      asPath: decodeAsPath(value, asWidth, 'refuse', why => attributeError(malformedAsPath, why)),
    }),
  },
  [attributeType.nextHop]: {
    name: 'NEXT_HOP', // §7.3; not a host's address: RFC 4271 §6.3 with RFC 7606 §3 (e)
    flags: wellKnown,
    malformed: 'treat-as-withdraw',
    decode(attribute) {
      const nextHop = ipv4(u32At(exactly(4, attribute), 0));
      if (isThisNetwork(nextHop) || isLoopback(nextHop) || isMulticast(nextHop) || isReserved(nextHop)) {
        throw attributeError(invalidNextHop, 'not the address of a host', attribute);
      }
      return {nextHop};
    },
  },
  [attributeType.multiExitDisc]: {
    name: 'MULTI_EXIT_DISC', // §7.4
    flags: optional,
    malformed: 'treat-as-withdraw',
    decode: attribute => ({multiExitDisc: u32At(exactly(4, attribute), 0)}),
  },
  [attributeType.localPref]: {
    name: 'LOCAL_PREF', // §7.5
    flags: wellKnown,
    malformed: 'treat-as-withdraw',
    discardWhen: fromOutside,
    decode: attribute => ({localPref: u32At(exactly(4, attribute), 0)}),
  },
  [attributeType.atomicAggregate]: {
    name: 'ATOMIC_AGGREGATE', // §7.6
    flags: wellKnown,
    malformed: 'attribute-discard',
    decode(attribute) {
      exactly(0, attribute);
      return {atomicAggregate: true};
    },
  },
  [attributeType.aggregator]: {
    name: 'AGGREGATOR', // §7.7
    flags: optionalTransitive,
    malformed: 'attribute-discard',
    decode: (attribute, {asWidth}) => ({
      aggregator: aggregator(exactly(asWidth + 4, attribute), asWidth, attribute),
    }),
  },
  [attributeType.communities]: {
    name: 'COMMUNITIES', // §7.8
    flags: optionalTransitive,
    malformed: 'treat-as-withdraw',
    decode: attribute => ({communities: numbersIn(multipleOf(4, attribute), 4)}),
  },
  [attributeType.originatorId]: {
    name: 'ORIGINATOR_ID', // §7.9
    flags: optional,
    malformed: 'treat-as-withdraw',
    discardWhen: fromOutside,
    decode: attribute => ({originatorId: ipv4(u32At(exactly(4, attribute), 0))}),
  },
  [attributeType.clusterList]: {
    name: 'CLUSTER_LIST', // §7.10
    flags: optional,
    malformed: 'treat-as-withdraw',
    discardWhen: fromOutside,
    decode: attribute => ({clusterList: numbersIn(multipleOf(4, attribute), 4).map(ipv4)}),
  },
  [attributeType.mpReachNlri]: {
    name: 'MP_REACH_NLRI', // §5.3, §7.11
    flags: optional,
    malformed: 'session-reset',
    discardWhen: ofOtherFamily,
    decode: attribute => ({
      mpReach: decodeMpReach(attribute.value, why => attributeError(optionalAttributeError, why, attribute)),
    }),
  },
  [attributeType.mpUnreachNlri]: {
    name: 'MP_UNREACH_NLRI', // §5.3, §7.12
    flags: optional,
    malformed: 'session-reset',
    discardWhen: ofOtherFamily,
    decode: attribute => ({
      mpUnreach: decodeMpUnreach(attribute.value, why => attributeError(optionalAttributeError, why, attribute)),
    }),
  },
  [attributeType.extendedCommunities]: {
    name: 'EXTENDED COMMUNITIES', // §7.14: types nobody knows are not malformed
    flags: optionalTransitive,
    malformed: 'treat-as-withdraw',
    decode: rawItems(8),
  },
  [attributeType.ipv6ExtendedCommunities]: {
    name: 'IPv6 ADDRESS SPECIFIC EXTENDED COMMUNITIES', // §7.15
    flags: optionalTransitive,
    malformed: 'treat-as-withdraw',
    decode: rawItems(20),
  },
  [attributeType.attrSet]: {
    name: 'ATTR_SET', // §7.16; an origin AS and attributes in a VPN's name, which are for others to read
    flags: optionalTransitive,
    malformed: 'treat-as-withdraw',
    decode(attribute) {
      if (attribute.value.length < 4) throw attributeError(attributeLengthError, 'no origin AS', attribute);
      return raw(attribute);
    },
  },
  [attributeType.as4Path]: {
    name: 'AS4_PATH', // RFC 6793 §6; means nothing between two that speak four octets: §3
    flags: optionalTransitive,
    malformed: 'attribute-discard',
    discardWhen: fourOctetSession,
    decode: attribute => ({
      as4Path: decodeAsPath(attribute.value, 4, 'drop', why => attributeError(optionalAttributeError, why, attribute)),
    }),
  },
  [attributeType.as4Aggregator]: {
    name: 'AS4_AGGREGATOR', // RFC 6793 §6
    flags: optionalTransitive,
    malformed: 'attribute-discard',
    discardWhen: fourOctetSession,
    decode: attribute => ({as4Aggregator: aggregator(exactly(8, attribute), 4, attribute)}),
  },
  [attributeType.largeCommunities]: {
    name: 'LARGE_COMMUNITY', // RFC 8092 §5
    flags: optionalTransitive,
    malformed: 'treat-as-withdraw',
    decode: rawItems(12),
  },
};

/**
 * A type without a rule: kept if it is transitive, quietly left out if not (RFC 4271 §5). Well-known ones cannot be
 * left out, and nothing revised the session reset that RFC 4271 §6.3 asks for.
 *
 * The Traffic Engineering attribute (24) is one of those left out. RFC 7606 §7.13 would have a malformed one withdraw
 * the routes, and leaves it to the receiver what is malformed, because RFC 5543 does not say: to us nothing is.
 */
export const unknownAttribute: AttributeRule = {
  name: 'unknown attribute',
  malformed: 'session-reset',
  decode(attribute) {
    if ((attribute.flags & attributeFlag.optional) === 0) {
      const why = `well-known attribute ${attribute.type} is not known here`;
      throw attributeError(updateSubcode.unrecognizedWellKnownAttribute, why, attribute);
    }
    return (attribute.flags & attributeFlag.transitive) === 0 ? {} : raw(attribute);
  },
};
