import {
  type AttributeFields,
  type AttributeOctets,
  type AttributeRule,
  attributeError,
  attributeRules,
  type UpdateContext,
  unknownAttribute,
} from './attribute-rules.js';
import {BgpError, errorCode, updateSubcode} from './bgp-error.js';
import {u8At, u16At} from './octets.js';
import {attributeFlag, attributeType, type PathAttributes, type RawAttribute} from './path-attributes.js';

/** What became of the attributes of one UPDATE. */
export interface AttributeList {
  readonly fields: AttributeFields;
  /** The first error that makes the routes withdrawn ones. */
  readonly fault: BgpError | undefined;
  /** Why attributes were left out though they have a meaning, in words. */
  readonly discarded: readonly string[];
  /** Whether an attribute of that type was there, malformed ones among them. */
  has(type: number): boolean;
  /** Whether attributes of that type are all there is, and nothing is left that could not be told apart. */
  hasOnly(type: number): boolean;
}

const checkedFlags = attributeFlag.optional | attributeFlag.transitive;

/**
 * Reads the Path Attributes field, going on after errors as RFC 7606 says, so that the strongest of them decides
 * (§3 (h)). Throws a `BgpError` where it is one that resets the session.
 */
export function decodeAttributeList(bytes: Uint8Array, context: UpdateContext): AttributeList {
  const fields: AttributeFields = {};
  const others: RawAttribute[] = [];
  const discarded: string[] = [];
  const times = new Map<number, number>();
  let fault: BgpError | undefined;

  const take = (attribute: AttributeOctets) => {
    const rule = attributeRules[attribute.type] ?? unknownAttribute;
    const earlier = times.get(attribute.type) ?? 0;
    times.set(attribute.type, earlier + 1);
    if (earlier > 0) {
      refuseTwiceMp(attribute.type, rule);
      // One note for however many: a message can hold thousands.
      if (earlier === 1) discarded.push(`${rule.name}: more than one`);
      return;
    }
    if (rule.discardWhen?.(context, attribute)) {
      discarded.push(`${rule.name}: not for this session`);
      return;
    }
    const wrongFlags = flagsError(attribute, rule);
    fault ??= wrongFlags;
    // What holds routes is read all the same: these are what is to be withdrawn, or nobody knows what is (§3 (j)).
    if (wrongFlags !== undefined && !holdsRoutes(attribute.type)) return;
    try {
      const decoded = rule.decode(attribute, context);
      if (decoded.others !== undefined) others.push(...decoded.others);
      else Object.assign(fields, decoded);
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      const named = new BgpError(error.code, error.subcode, `${rule.name}: ${error.message}`, error.data);
      if (rule.malformed === 'session-reset') throw named;
      if (rule.malformed === 'attribute-discard') discarded.push(named.message);
      else fault ??= named;
    }
  };

  const overrun = forEachAttribute(bytes, take);
  fault ??= overrun;
  if (others.length > 0) Object.assign(fields, {others});
  const has = (type: number) => times.has(type);
  return {fields, fault, discarded, has, hasOnly: type => !overrun && times.size === 1 && has(type)};
}

/**
 * Calls back with each attribute up to the first whose lengths do not add up, which is the result then: RFC 7606 §4
 * has what was read until there stand, and the NLRI found by the Total Attribute Length.
 */
function forEachAttribute(bytes: Uint8Array, take: (attribute: AttributeOctets) => void): BgpError | undefined {
  for (let at = 0; at < bytes.length; ) {
    const from = at;
    const flags = u8At(bytes, from);
    const extended = (flags & attributeFlag.extendedLength) !== 0;
    const start = at + (extended ? 4 : 3);
    if (start > bytes.length)
      return attributeError(updateSubcode.malformedAttributeList, 'an attribute without a length');
    const end = start + (extended ? u16At(bytes, at + 2) : u8At(bytes, at + 2));
    const type = u8At(bytes, at + 1);
    if (end > bytes.length) {
      return attributeError(updateSubcode.malformedAttributeList, `attribute ${type} ends beyond the attributes`);
    }
    take({type, flags, value: bytes.subarray(start, end), whole: () => bytes.slice(from, end)});
    at = end;
  }
  return undefined;
}

const holdsRoutes = (type: number): boolean =>
  type === attributeType.mpReachNlri || type === attributeType.mpUnreachNlri;

/** RFC 7606 §3 (g): of others the first one counts, but two lists of routes cannot be told apart from one broken one. */
function refuseTwiceMp(type: number, {name}: AttributeRule): void {
  if (!holdsRoutes(type)) return;
  throw attributeError(updateSubcode.malformedAttributeList, `${name}: more than one`);
}

/**
 * RFC 7606 §3 (c): wrong flags withdraw the routes, whatever malformed content would do, unless the attribute's own RFC
 * says otherwise of flags. None does; RFC 4760 §7 speaks of MP_REACH_NLRI and MP_UNREACH_NLRI as a whole.
 */
function flagsError(attribute: AttributeOctets, {name, flags}: AttributeRule): BgpError | undefined {
  if (flags === undefined || (attribute.flags & checkedFlags) === flags) return undefined;
  const why = `${name}: flags 0x${attribute.flags.toString(16)}`;
  return attributeError(updateSubcode.attributeFlagsError, why, attribute);
}

/** The well-known mandatory attribute that is missing from routes (RFC 7606 §3 (d)), if one is. */
export function missingAttribute(
  attributes: PathAttributes,
  context: UpdateContext,
  hasNlri: boolean,
): BgpError | undefined {
  const missing = (type: number, name: string) =>
    new BgpError(
      errorCode.updateMessage,
      updateSubcode.missingWellKnownAttribute,
      `${name}: missing`,
      Uint8Array.of(type),
    );
  if (attributes.origin === undefined) return missing(attributeType.origin, 'ORIGIN');
  if (attributes.asPath === undefined) return missing(attributeType.asPath, 'AS_PATH');
  // RFC 4760 §3: the next hop of MP_REACH_NLRI is inside it.
  if (hasNlri && attributes.nextHop === undefined) return missing(attributeType.nextHop, 'NEXT_HOP');
  // RFC 4271 §5.1.5: required from peers in our AS.
  if (!context.external && attributes.localPref === undefined) return missing(attributeType.localPref, 'LOCAL_PREF');
  return undefined;
}
