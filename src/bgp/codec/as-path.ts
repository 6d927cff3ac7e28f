import type {BgpError} from './bgp-error.js';
import {concat, lengthField, numbersIn, u8At, u16, u32} from './octets.js';

/** Octets of an AS number in AS_PATH and AGGREGATOR: 4 where both sides offered it (RFC 6793), else 2. */
export type AsWidth = 2 | 4;

/** RFC 6793 §9: stands for a number that does not fit into two octets. */
export const asTrans = 23456;

export const largestTwoOctetAs = 0xffff;

export interface AsPathSegment {
  readonly type: 'AS_SET' | 'AS_SEQUENCE';
  /** 1 to 255 AS numbers. */
  readonly numbers: readonly number[];
}

/** Nearest AS first. */
export type AsPath = readonly AsPathSegment[];

const segmentTypes = ['AS_SET', 'AS_SEQUENCE'] as const; // 1, 2
/** AS_CONFED_SEQUENCE and AS_CONFED_SET (RFC 5065 §3). */
const isConfederation = (type: number) => type === 3 || type === 4;

/** How many ASes away: an AS_SET counts as one (RFC 4271 §9.1.2.2). */
export const asPathLength = (path: AsPath): number =>
  path.reduce((total, {type, numbers}) => total + (type === 'AS_SET' ? 1 : numbers.length), 0);

/** AS numbers in it, those of a set each: what it costs to keep. */
export const asNumbersIn = (path: AsPath): number => path.reduce((total, {numbers}) => total + numbers.length, 0);

/** As operators write it: `65001 4200000001 {65010,65011}`. */
export const formatAsPath = (path: AsPath): string =>
  path.map(({type, numbers}) => (type === 'AS_SET' ? `{${numbers.join(',')}}` : numbers.join(' '))).join(' ');

/**
 * Reads AS_PATH or AS4_PATH. Throws what `malformed` makes of the reason (RFC 7606 §7.2, AS 0: RFC 7607 §2).
 * Confederation segments are malformed in AS_PATH (RFC 5065 §5: we are in none) and dropped from AS4_PATH
 * (RFC 6793 §6).
 */
export function decodeAsPath(
  value: Uint8Array,
  width: AsWidth,
  confederations: 'refuse' | 'drop',
  malformed: (why: string) => BgpError,
): AsPath {
  const path: AsPathSegment[] = [];
  for (let at = 0; at < value.length; ) {
    const type = u8At(value, at);
    const count = u8At(value, at + 1);
    const end = at + 2 + count * width;
    if (at + 2 > value.length) throw malformed('a single octet after the last segment');
    if (count === 0) throw malformed('empty segment');
    if (end > value.length) throw malformed('a segment ends beyond the attribute');
    const numbers = numbersIn(value.subarray(at + 2, end), width);
    if (numbers.includes(0)) throw malformed('AS 0');
    const known = segmentTypes[type - 1];
    if (known !== undefined) path.push({type: known, numbers});
    else if (!isConfederation(type) || confederations === 'refuse') throw malformed(`segment type ${type}`);
    at = end;
  }
  return path;
}

/** Numbers too large for `width` become AS_TRANS. Fails with a RangeError for a segment without or with over 255 ASes. */
export const encodeAsPath = (path: AsPath, width: AsWidth): Uint8Array =>
  concat(
    ...path.flatMap(({type, numbers}) => {
      if (numbers.length === 0) throw new RangeError('an empty AS_PATH segment cannot be sent');
      return [
        [segmentTypes.indexOf(type) + 1],
        lengthField(1, numbers, 'AS_PATH segment'),
        numbers.flatMap(number => encodeAs(number, width)),
      ];
    }),
  );

export const encodeAs = (number: number, width: AsWidth): number[] =>
  width === 4 ? u32(number) : u16(number > largestTwoOctetAs ? asTrans : number);

/**
 * RFC 6793 §4.2.3: the path AS4_PATH stands for, preceded by what speakers that do not know it have put in front of
 * AS_PATH since. An AS4_PATH longer than AS_PATH is stale and ignored.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  const newer = asPathLength(path) - asPathLength(as4Path);
  return newer < 0 ? path : joinPaths(leadingAses(path, newer), as4Path);
}

function leadingAses(path: AsPath, count: number): AsPath {
  const leading: AsPathSegment[] = [];
  let missing = count;
  for (const segment of path) {
    if (missing <= 0) break;
    const length = asPathLength([segment]);
    leading.push(length <= missing ? segment : {...segment, numbers: segment.numbers.slice(0, missing)});
    missing -= length;
  }
  return leading;
}

/** A sequence that goes on is one segment again, as far as one segment can count. */
function joinPaths(front: AsPath, back: AsPath): AsPath {
  const last = front.at(-1);
  const [first, ...rest] = back;
  const joinable = last?.type === 'AS_SEQUENCE' && first?.type === 'AS_SEQUENCE';
  if (!joinable || last.numbers.length + first.numbers.length > 255) return [...front, ...back];
  return [...front.slice(0, -1), {type: 'AS_SEQUENCE', numbers: [...last.numbers, ...first.numbers]}, ...rest];
}
