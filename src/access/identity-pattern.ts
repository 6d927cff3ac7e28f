import type {Caller} from './caller.js';
import {dnsNameFault} from './dns-name.js';
import {ancestorsOf, spiffeIdFault} from './spiffe-id.js';

/** A text that stands for callers, in the one way to write it; or what is wrong with it. */
export type ParsedPattern = {readonly pattern: string} | {readonly fault: string};

/** Ids are 32 bits wide, and the highest stands for "no change" in chown(2) and its like. */
const highestId = 0xffff_fffe;

const forms = 'spiffe://…, dns:NAME, cn:NAME, uid:NUMBER, gid:NUMBER or anonymous';

/**
 * Reads how a policy names callers.
 *
 * - `spiffe://example.org/controller` is one SPIFFE ID. `spiffe://example.org/controller/*` is every ID below it, at
 *   whatever depth, but not `spiffe://example.org/controller` itself; `spiffe://example.org/*` every one of the trust domain.
 * - `dns:host.example.org` is one DNS name, in upper or lower case. `dns:*.example.org` is every name with exactly one part
 *   in front, as in certificates (RFC 9525 §6.3): not `example.org`, not `a.b.example.org`.
 * - `cn:legacy` is one common name, to the letter.
 * - `uid:1000` is a user, `gid:27` whoever has the group, as its first or a further one.
 * - `anonymous` is whoever has shown nothing.
 *
 * A wildcard stands for whole segments or parts, so it matches nothing that merely begins or ends alike, and never for a
 * trust domain or a top-level domain.
 */
export function parsePattern(text: string): ParsedPattern {
  if (text === 'anonymous') return {pattern: text};
  if (text.startsWith('spiffe:')) return spiffePattern(text);
  const [, kind, name = ''] = /^(dns|cn|uid|gid):(.*)$/su.exec(text) ?? [];
  switch (kind) {
    case 'dns':
      return dnsPattern(name.toLowerCase());
    case 'cn':
      return commonNamePattern(name);
    case 'uid':
    case 'gid':
      return idPattern(kind, name);
    default:
      return {fault: `${JSON.stringify(text)} is no identity: it must be ${forms}`};
  }
}

/**
 * All patterns that match a caller, so that a policy finds its grants by looking these up. What is not well-formed matches
 * nothing, whoever has certified it: a name such as `spiffe://example.org/controller/../admin` is nobody's.
 */
export function patternsOf(caller: Caller): string[] {
  switch (caller.kind) {
    case 'anonymous':
      return ['anonymous'];
    case 'local':
      return [`uid:${caller.uid}`, ...new Set(caller.gids.map(gid => `gid:${gid}`))];
    case 'certificate':
      return patternsOfName(caller.nameKind, caller.name);
  }
}

function patternsOfName(kind: 'spiffe' | 'dns' | 'cn', name: string): string[] {
  if (kind === 'cn') return [`cn:${name}`];
  if (kind === 'spiffe') {
    return spiffeIdFault(name) === undefined ? [name, ...[...ancestorsOf(name)].map(ancestor => `${ancestor}/*`)] : [];
  }
  const lower = name.toLowerCase();
  if (dnsNameFault(lower) !== undefined) return [];
  const dot = lower.indexOf('.');
  return dot < 0 ? [`dns:${lower}`] : [`dns:${lower}`, `dns:*${lower.slice(dot)}`];
}

function spiffePattern(text: string): ParsedPattern {
  const isWild = text.endsWith('/*') && text !== 'spiffe://*';
  // A wildcard stands for one segment at least, so this is well-formed exactly where what it matches is.
  const example = isWild ? `${text.slice(0, -1)}x` : text;
  if (example.includes('*')) {
    return {fault: `${JSON.stringify(text)}: the wildcard of a SPIFFE ID is /* at its end, behind the trust domain`};
  }
  const fault = spiffeIdFault(example);
  return fault === undefined ? {pattern: text} : {fault: `${JSON.stringify(text)}: ${fault}`};
}

function dnsPattern(name: string): ParsedPattern {
  const isWild = name.startsWith('*.');
  const base = isWild ? name.slice(2) : name;
  const quoted = JSON.stringify(`dns:${name}`);
  if (base.includes('*'))
    return {fault: `${quoted}: the wildcard of a DNS name is *. at its front, for one whole part`};
  if (isWild && !base.includes('.')) {
    return {
      fault: `${quoted}: a wildcard needs a name of two parts behind it; this would match a whole top-level domain`,
    };
  }
  const fault = dnsNameFault(isWild ? `x.${base}` : base);
  return fault === undefined ? {pattern: `dns:${name}`} : {fault: `${quoted}: ${fault}`};
}

function commonNamePattern(name: string): ParsedPattern {
  const quoted = JSON.stringify(`cn:${name}`);
  if (name === '') return {fault: `${quoted}: the common name is missing`};
  if (name !== name.trim()) return {fault: `${quoted}: the common name has white space at its front or end`};
  if (name.includes('*')) return {fault: `${quoted}: common names have no wildcards`};
  if (/\p{Cc}/u.test(name)) return {fault: `${quoted}: the common name has control characters`};
  return {pattern: `cn:${name}`};
}

function idPattern(kind: 'uid' | 'gid', digits: string): ParsedPattern {
  const isId = /^(0|[1-9][0-9]{0,9})$/.test(digits) && Number(digits) <= highestId;
  if (isId) return {pattern: `${kind}:${digits}`};
  const hint = kind === 'uid' ? '`id -u NAME` prints it' : '`getent group NAME` prints it';
  return {fault: `${JSON.stringify(`${kind}:${digits}`)}: a ${kind} is a number from 0 to ${highestId}; ${hint}`};
}
