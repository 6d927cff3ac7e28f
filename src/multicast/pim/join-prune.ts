import type {Ipv4} from '../../ip/ipv4.js';
import {ipv4HeaderLength} from '../ipv4-datagram.js';
import {bodyOf, encodeMessage, pimType} from './message.js';
import {encodedGroup, encodedSource, encodedUnicast, Reader, u8, u16} from './octets.js';
import {PimError} from './pim-error.js';

/** A source to be joined or pruned (RFC 7761 §4.9.5.1). */
export interface Source {
  readonly address: Ipv4;
  /** W bit: the entry is (*,G), and the address that of the rendezvous point. */
  readonly wildcard: boolean;
  /** R bit: it is about the tree of the rendezvous point. */
  readonly rpTree: boolean;
}

export interface GroupEntry {
  readonly group: Ipv4;
  readonly joins: readonly Source[];
  readonly prunes: readonly Source[];
}

/** A Join/Prune message (RFC 7761 §4.9.5). */
export interface JoinPrune {
  /** The router it is meant for; the others on the link only overhear it. */
  readonly upstream: Ipv4;
  /** Seconds the upstream router keeps the state for. */
  readonly holdtime: number;
  readonly groups: readonly GroupEntry[];
}

/** S bit: always set in PIM version 2. */
const sparse = 4;
const wildcardBit = 2;
const rpTreeBit = 1;
/** The count of groups is one octet. */
const mostGroups = 255;
/** Octets: PIM header, upstream neighbor, reserved, count, holdtime. */
const fixedLength = 14;
/** Octets of a group with one source. */
const entryLength = 20;

const encodeSource = ({address, wildcard, rpTree}: Source): number[] =>
  encodedSource(address, sparse | (wildcard ? wildcardBit : 0) | (rpTree ? rpTreeBit : 0));

export function encodeJoinPrune({upstream, holdtime, groups}: JoinPrune): Uint8Array {
  if (groups.length > mostGroups) throw new RangeError(`${groups.length} groups in a Join/Prune`);
  return encodeMessage(pimType.joinPrune, [
    ...encodedUnicast(upstream),
    ...u8(0),
    ...u8(groups.length),
    ...u16(holdtime),
    ...groups.flatMap(({group, joins, prunes}) => [
      ...encodedGroup(group),
      ...u16(joins.length),
      ...u16(prunes.length),
      ...[...joins, ...prunes].flatMap(encodeSource),
    ]),
  ]);
}

/** Throws `PimError`. */
export function decodeJoinPrune(bytes: Uint8Array): JoinPrune {
  const reader = new Reader(bodyOf(bytes, pimType.joinPrune));
  const upstream = reader.unicast();
  reader.skip(1);
  const [count, holdtime] = [reader.u8(), reader.u16()];
  const groups = Array.from({length: count}, () => readEntry(reader));
  if (reader.left > 0) throw new PimError('malformed', `${reader.left} octets behind the last group`);
  return {upstream, holdtime, groups};
}

function readEntry(reader: Reader): GroupEntry {
  const group = reader.group();
  const [joins, prunes] = [reader.u16(), reader.u16()];
  return {group, joins: readSources(reader, joins), prunes: readSources(reader, prunes)};
}

// One by one and not `Array.from`: the count is the sender's word, and the reader ends a wrong one at the first source
// that is not there.
function readSources(reader: Reader, count: number): Source[] {
  const sources: Source[] = [];
  while (sources.length < count) {
    const {flags, address} = reader.source();
    sources.push({address, wildcard: (flags & wildcardBit) !== 0, rpTree: (flags & rpTreeBit) !== 0});
  }
  return sources;
}

/** What is to be said of all of some groups: that their shared tree is joined, or that it is pruned. */
export interface SharedTreeMessage {
  readonly upstream: Ipv4;
  /** Address of the rendezvous point, the root of the tree. */
  readonly rp: Ipv4;
  readonly action: 'join' | 'prune';
  readonly holdtime: number;
  readonly groups: readonly Ipv4[];
}

/** Messages that say it, none longer than the MTU allows with its IP header: 72 groups each at 1476 octets. */
export function encodeSharedTree(
  {groups, upstream, rp, action, holdtime}: SharedTreeMessage,
  mtu: number,
): Uint8Array[] {
  const room = Math.floor((mtu - ipv4HeaderLength - fixedLength) / entryLength);
  // An MTU without room for a single group is for the kernel to refuse, which says so.
  const size = Math.min(Math.max(room, 1), mostGroups);
  const tree: Source[] = [{address: rp, wildcard: true, rpTree: true}];
  const [joins, prunes] = action === 'join' ? [tree, []] : [[], tree];
  const messages: Uint8Array[] = [];
  for (let at = 0; at < groups.length; at += size) {
    const part = groups.slice(at, at + size).map(group => ({group, joins, prunes}));
    messages.push(encodeJoinPrune({upstream, holdtime, groups: part}));
  }
  return messages;
}
