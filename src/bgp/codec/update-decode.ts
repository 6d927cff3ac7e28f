import {type AsPath, asNumbersIn, asTrans, mergeAs4Path} from './as-path.js';
import {type AttributeList, decodeAttributeList, missingAttribute} from './attribute-list.js';
import type {AttributeFields, UpdateContext} from './attribute-rules.js';
import {BgpError, errorCode, updateSubcode} from './bgp-error.js';
import {u16At} from './octets.js';
import {type Announcement, attributeType, type PathAttributes} from './path-attributes.js';
import {decodePrefixes, isEmpty, noPrefixes, type PrefixList} from './prefix-list.js';

/** An UPDATE message as it is written (RFC 4271 §4.3). */
export interface Update {
  readonly withdrawnRoutes: PrefixList;
  readonly pathAttributes: PathAttributes;
  readonly nlri: PrefixList;
}

/** An UPDATE message as it is to be acted upon. */
export interface DecodedUpdate {
  readonly update: Update;
  /**
   * To be withdrawn, wherever the message says so, and before `announcements` are applied: a prefix in both is
   * announced (RFC 4271 §4.3). No empty lists.
   */
  readonly withdrawals: readonly PrefixList[];
  /** To be learned, with the attributes of `update`. No empty lists. */
  readonly announcements: readonly Announcement[];
  /** Set where a malformed attribute (RFC 7606 §2) or too long an AS path turned announcements into withdrawals. */
  readonly treatAsWithdraw?: BgpError;
  /** Attributes left out though they have a meaning, and why, in words (RFC 7606 §2 "attribute discard"). */
  readonly discarded: readonly string[];
  /** RFC 4724 §2: the peer has sent all it had for IPv4 unicast. */
  readonly endOfRib: boolean;
}

/**
 * Reads the body of an UPDATE under RFC 7606: errors that it does not have to take the session for are in the result.
 * Throws a `BgpError` (code 3) for those it has to.
 */
export function decodeUpdate(body: Uint8Array, context: UpdateContext): DecodedUpdate {
  const {withdrawnRoutes, attributes, nlri} = decodeFields(body);
  const list = decodeAttributeList(attributes, context);
  const pathAttributes = mergeAs4(list.fields);
  const update = {withdrawnRoutes, pathAttributes, nlri};
  const fault = faultOf(update, list, context);

  const mpUnreach = pathAttributes.mpUnreach ?? noPrefixes;
  const reachable = announcementsOf(update);
  const unreachable = fault ? [nlri, pathAttributes.mpReach?.nlri ?? noPrefixes] : [];
  return {
    update,
    withdrawals: [withdrawnRoutes, mpUnreach, ...unreachable].filter(prefixes => !isEmpty(prefixes)),
    announcements: fault ? [] : reachable.filter(announcement => !isEmpty(announcement.nlri)),
    ...(fault && {treatAsWithdraw: fault}),
    discarded: list.discarded,
    endOfRib: fault === undefined && isEndOfRib(body, update),
  };
}

const announcementsOf = ({pathAttributes: {mpReach, nextHop}, nlri}: Update): Announcement[] => [
  ...(mpReach === undefined ? [] : [mpReach]),
  ...(nextHop === undefined ? [] : [{nextHop, nlri}]),
];

/** Cuts the body into its three fields and reads the prefixes. */
function decodeFields(body: Uint8Array) {
  const malformed = (subcode: number, why: string) => new BgpError(errorCode.updateMessage, subcode, why);
  const listEnd = 2 + u16At(body, 0);
  const nlriStart = listEnd + 2 + u16At(body, listEnd);
  // RFC 4271 §6.3, kept by RFC 7606 §3 (b).
  if (listEnd + 2 > body.length || nlriStart > body.length) {
    throw malformed(updateSubcode.malformedAttributeList, 'withdrawn routes or attributes end beyond the message');
  }
  const prefixes = (field: string, start: number, end: number) =>
    decodePrefixes(body, start, end, why => malformed(updateSubcode.invalidNetworkField, `${field}: ${why}`));
  return {
    withdrawnRoutes: prefixes('withdrawn routes', 2, listEnd),
    attributes: body.subarray(listEnd + 2, nlriStart),
    nlri: prefixes('NLRI', nlriStart, body.length),
  };
}

/** What makes the announced routes withdrawn ones. Throws it where it cannot be sure which routes these are. */
function faultOf(update: Update, list: AttributeList, context: UpdateContext): BgpError | undefined {
  const hasNlri = !isEmpty(update.nlri);
  const {mpReach} = update.pathAttributes;
  if (hasNlri || (mpReach !== undefined && !isEmpty(mpReach.nlri))) {
    return (
      list.fault ?? missingAttribute(update.pathAttributes, context, hasNlri) ?? overlong(update.pathAttributes.asPath)
    );
  }
  // RFC 7606 §5.2: without routes to be seen, they may be in what could not be read. Another family's routes are
  // routes as well, there is only nothing to withdraw then; and nothing but MP_UNREACH_NLRI announces none.
  const ofOtherFamily = mpReach === undefined && list.has(attributeType.mpReachNlri);
  if (list.fault && !ofOtherFamily && !list.hasOnly(attributeType.mpUnreachNlri)) throw list.fault;
  return list.fault;
}

/**
 * ASes in a path that is taken. No RFC has a limit, but 65,535 octets have room for 16,000 of them and whoever learns
 * the route keeps them; a real path has a few dozen at most, and other implementations can refuse longer ones as well.
 */
const longestAsPath = 255;

function overlong(path: AsPath = []): BgpError | undefined {
  const count = asNumbersIn(path);
  if (count <= longestAsPath) return undefined;
  const why = `AS_PATH: ${count} ASes, ${longestAsPath} at most are taken`;
  return new BgpError(errorCode.updateMessage, updateSubcode.malformedAsPath, why);
}

/** RFC 6793 §4.2.3. Both AS4 attributes are stale where a speaker of two octets has aggregated since. */
function mergeAs4(fields: AttributeFields): PathAttributes {
  if (fields.as4Path === undefined && fields.as4Aggregator === undefined) return fields;
  const {as4Path, as4Aggregator, ...attributes} = fields;
  const {asPath, aggregator} = attributes;
  if (aggregator && as4Aggregator && aggregator.as !== asTrans) return attributes;
  return {
    ...attributes,
    ...(asPath && as4Path && {asPath: mergeAs4Path(asPath, as4Path)}),
    ...(aggregator && as4Aggregator && {aggregator: as4Aggregator}),
  };
}

/** An UPDATE without anything, or with nothing but an MP_UNREACH_NLRI for IPv4 unicast that lists nothing. */
function isEndOfRib(body: Uint8Array, {withdrawnRoutes, pathAttributes, nlri}: Update): boolean {
  if (body.length === 4) return true;
  const onlyUnreach = Object.keys(pathAttributes).length === 1 && pathAttributes.mpUnreach !== undefined;
  return onlyUnreach && isEmpty(pathAttributes.mpUnreach) && isEmpty(withdrawnRoutes) && isEmpty(nlri);
}
