import {formatIpv4, formatPrefix, type Ipv4} from '../ip/ipv4.js';
import {strategyFor} from '../services/strategies.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import {parseSpec, type SpecInput} from './spec-parse.js';

/** What the journal says of one slot. */
export interface JournalEntry {
  /** The interface. */
  readonly name: string;
  readonly uid: string;
  readonly createTime: Date;
  readonly updateTime: Date;
  readonly spec: TunnelSpec;
  /** The spec that `spec` is replacing: some of it may still be in the kernel. */
  readonly former?: TunnelSpec | undefined;
  /** Being set up for the first time, or anew: a device of it that is down is one that was not raised yet. */
  readonly unfinished?: boolean;
  /** Not wanted any more, but some of it may still be in the kernel. */
  readonly doomed?: boolean;
}

type Json = Record<string, unknown>;

const optionalText = (address: Ipv4 | undefined): string => (address === undefined ? '' : formatIpv4(address));

/** By the names of the protos, which operators know. */
const formatSpec = (spec: TunnelSpec): Json => ({
  service_type: spec.serviceType,
  tunnel_src: formatIpv4(spec.tunnelSrc),
  tunnel_dst: formatIpv4(spec.tunnelDst),
  tunnel_net: formatPrefix(spec.tunnelNet),
  doublezero_ip: optionalText(spec.doublezeroIp),
  doublezero_prefixes: spec.doublezeroPrefixes.map(formatPrefix),
  bgp_local_asn: spec.bgpLocalAsn,
  bgp_remote_asn: spec.bgpRemoteAsn,
  mcast_pub_groups: spec.mcastPubGroups.map(formatIpv4),
  mcast_sub_groups: spec.mcastSubGroups.map(formatIpv4),
  mcast_rp_address: optionalText(spec.mcastRpAddress),
});

export const formatEntry = ({uid, createTime, updateTime, spec, former, unfinished, doomed}: JournalEntry): Json => ({
  uid,
  create_time: createTime.toISOString(),
  update_time: updateTime.toISOString(),
  spec: formatSpec(spec),
  ...(former && {former: formatSpec(former)}),
  ...(unfinished && {unfinished}),
  ...(doomed && {doomed}),
});

/** Throws for anything `formatEntry` did not write. */
export function parseEntry(value: unknown): JournalEntry {
  const entry = object(value);
  const spec = readSpec(entry.spec);
  return {
    name: strategyFor(spec).interfaceName,
    uid: text(entry, 'uid'),
    createTime: time(entry, 'create_time'),
    updateTime: time(entry, 'update_time'),
    spec,
    ...(entry.former === undefined ? {} : {former: readSpec(entry.former)}),
    ...flag(entry, 'unfinished'),
    ...flag(entry, 'doomed'),
  };
}

/** The way that requests take: there is one set of rules for what a spec may be. */
function readSpec(value: unknown): TunnelSpec {
  const spec = object(value);
  const input: SpecInput = {
    serviceType: text(spec, 'service_type'),
    tunnelSrc: text(spec, 'tunnel_src'),
    tunnelDst: text(spec, 'tunnel_dst'),
    tunnelNet: text(spec, 'tunnel_net'),
    doublezeroIp: text(spec, 'doublezero_ip'),
    doublezeroPrefixes: texts(spec, 'doublezero_prefixes'),
    bgpLocalAsn: number(spec, 'bgp_local_asn'),
    bgpRemoteAsn: number(spec, 'bgp_remote_asn'),
    mcastPubGroups: texts(spec, 'mcast_pub_groups'),
    mcastSubGroups: texts(spec, 'mcast_sub_groups'),
    mcastRpAddress: text(spec, 'mcast_rp_address'),
  };
  const {tunnelSrc, ...parsed} = parseSpec(input);
  if (tunnelSrc === undefined) throw new TypeError('tunnel_src is empty');
  return {...parsed, tunnelSrc};
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  return value as Json;
}

function text(json: Json, field: string): string {
  const value = json[field];
  if (typeof value !== 'string') throw new TypeError(`${field} is not a text`);
  return value;
}

function texts(json: Json, field: string): string[] {
  const value = json[field];
  if (!Array.isArray(value) || value.some(item => typeof item !== 'string')) {
    throw new TypeError(`${field} is not a list of texts`);
  }
  return value;
}

function number(json: Json, field: string): number {
  const value = json[field];
  if (typeof value !== 'number') throw new TypeError(`${field} is not a number`);
  return value;
}

/** Written only where it is set. */
function flag<Name extends 'unfinished' | 'doomed'>(json: Json, field: Name): Partial<Record<Name, true>> {
  const value = json[field];
  if (value !== undefined && value !== true) throw new TypeError(`${field} is not true`);
  return value ? ({[field]: true} as Record<Name, true>) : {};
}

function time(json: Json, field: string): Date {
  const value = new Date(text(json, field));
  if (Number.isNaN(value.getTime())) throw new TypeError(`${field} is not a time`);
  return value;
}
