import {type AsPath, type AsWidth, encodeAs, encodeAsPath, largestTwoOctetAs} from './as-path.js';
import {encodeMessage, headerLength, messageType, standardMaximumLength} from './message-header.js';
import {encodeMpReach, encodeMpUnreach} from './mp-nlri.js';
import {concat, lengthField, u32} from './octets.js';
import {type Aggregator, attributeFlag, attributeType, origins, type PathAttributes} from './path-attributes.js';
import {encodePrefixes, noPrefixes, type PrefixList, splitPrefixes} from './prefix-list.js';
import type {Update} from './update-decode.js';

const {optional, transitive, extendedLength} = attributeFlag;

/**
 * The whole message. Fails with a RangeError where it would be over 4,096 octets: `encodeAnnouncements` and
 * `encodeWithdrawals` divide what is too much for one.
 */
export function encodeUpdate({withdrawnRoutes, pathAttributes, nlri}: Update, asWidth: AsWidth): Uint8Array {
  const withdrawn = encodePrefixes(withdrawnRoutes);
  const attributes = encodeAttributes(pathAttributes, asWidth);
  return encodeMessage(
    messageType.update,
    lengthField(2, withdrawn, 'withdrawn routes'),
    withdrawn,
    lengthField(2, attributes, 'path attributes'),
    attributes,
    encodePrefixes(nlri),
  );
}

const fieldLengths = 4;
const spaceInUpdate = standardMaximumLength - headerLength - fieldLengths;

/** As many messages as it takes to announce `nlri` with these attributes. */
export function encodeAnnouncements(pathAttributes: PathAttributes, nlri: PrefixList, asWidth: AsWidth): Uint8Array[] {
  const space = spaceInUpdate - encodeAttributes(pathAttributes, asWidth).length;
  return splitPrefixes(nlri, space).map(piece =>
    encodeUpdate({withdrawnRoutes: noPrefixes, pathAttributes, nlri: piece}, asWidth),
  );
}

/** As many messages as it takes to withdraw the prefixes. */
export const encodeWithdrawals = (withdrawn: PrefixList): Uint8Array[] =>
  splitPrefixes(withdrawn, spaceInUpdate).map(piece =>
    encodeUpdate({withdrawnRoutes: piece, pathAttributes: {}, nlri: noPrefixes}, 4),
  );

/** RFC 4724 §2, for IPv4 unicast. */
export const encodeEndOfRib = (): Uint8Array =>
  encodeUpdate({withdrawnRoutes: noPrefixes, pathAttributes: {}, nlri: noPrefixes}, 4);

function encodeAttribute(type: number, flags: number, value: ArrayLike<number>): Uint8Array {
  const extended = value.length > 255;
  const length = lengthField(extended ? 2 : 1, value, `attribute ${type}`);
  return concat([flags | (extended ? extendedLength : 0), type], length, value);
}

/** RFC 7606 §5.1: the routes first, so that they are found whatever is wrong with the rest; then by type. */
function encodeAttributes(attributes: PathAttributes, asWidth: AsWidth): Uint8Array {
  const parts: {type: number; octets: Uint8Array}[] = [];
  const put = <T>(value: T | undefined, type: number, flags: number, encode: (value: T) => ArrayLike<number>) => {
    if (value !== undefined) parts.push({type, octets: encodeAttribute(type, flags, encode(value))});
  };
  const a = attributes;
  const both = optional | transitive;
  put(a.origin, attributeType.origin, transitive, origin => [origins.indexOf(origin)]);
  put(a.asPath, attributeType.asPath, transitive, path => encodeAsPath(path, asWidth));
  put(a.nextHop, attributeType.nextHop, transitive, u32);
  put(a.multiExitDisc, attributeType.multiExitDisc, optional, u32);
  put(a.localPref, attributeType.localPref, transitive, u32);
  put(a.atomicAggregate, attributeType.atomicAggregate, transitive, () => []);
  put(a.aggregator, attributeType.aggregator, both, value => encodeAggregator(value, asWidth));
  put(a.communities, attributeType.communities, both, values => values.flatMap(u32));
  put(a.originatorId, attributeType.originatorId, optional, u32);
  put(a.clusterList, attributeType.clusterList, optional, values => values.flatMap(u32));
  put(a.mpReach, attributeType.mpReachNlri, optional, encodeMpReach);
  put(a.mpUnreach, attributeType.mpUnreachNlri, optional, encodeMpUnreach);
  if (asWidth === 2) {
    put(wideOnly(a.asPath), attributeType.as4Path, both, path => encodeAsPath(path, 4));
    put(wideAggregator(a.aggregator), attributeType.as4Aggregator, both, value => encodeAggregator(value, 4));
  }
  for (const {type, flags, value} of a.others ?? []) put(value, type, flags, octets => octets);
  return concat(...parts.sort((x, y) => order(x.type) - order(y.type)).map(({octets}) => octets));
}

const order = (type: number): number =>
  type === attributeType.mpReachNlri || type === attributeType.mpUnreachNlri ? type - 256 : type;

const isWide = (as: number): boolean => as > largestTwoOctetAs;

/** RFC 6793 §4.2.2: the AS4 attributes go along only where two octets lose something. */
const wideOnly = (path: AsPath | undefined): AsPath | undefined =>
  path?.some(({numbers}) => numbers.some(isWide)) ? path : undefined;

const wideAggregator = (aggregator: Aggregator | undefined): Aggregator | undefined =>
  aggregator && isWide(aggregator.as) ? aggregator : undefined;

const encodeAggregator = ({as, address}: Aggregator, asWidth: AsWidth): number[] => [
  ...encodeAs(as, asWidth),
  ...u32(address),
];
