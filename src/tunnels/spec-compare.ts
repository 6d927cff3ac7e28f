import {createHash} from 'node:crypto';
import {formatIpv4, formatPrefix, type Ipv4} from '../ip/ipv4.js';
import {strategyFor} from '../services/strategies.js';
import type {SpecField} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';

const addressText = (address: Ipv4 | undefined): string[] => (address === undefined ? [] : [formatIpv4(address)]);
const groupsText = (groups: readonly Ipv4[]): string[] => [...groups].sort((a, b) => a - b).map(formatIpv4);

/** Each field as texts that are equal where the values mean the same: order has no meaning in the lists. */
const canonical: Record<SpecField, (spec: TunnelSpec) => string[]> = {
  // By the names of the contract, which is what controllers know.
  service_type: ({serviceType}) => [`SERVICE_TYPE_${serviceType.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`],
  tunnel_src: ({tunnelSrc}) => [formatIpv4(tunnelSrc)],
  tunnel_dst: ({tunnelDst}) => [formatIpv4(tunnelDst)],
  tunnel_net: ({tunnelNet}) => [formatPrefix(tunnelNet)],
  doublezero_ip: ({doublezeroIp}) => addressText(doublezeroIp),
  doublezero_prefixes: ({doublezeroPrefixes}) => doublezeroPrefixes.map(formatPrefix).sort(),
  bgp_local_asn: ({bgpLocalAsn}) => [String(bgpLocalAsn)],
  bgp_remote_asn: ({bgpRemoteAsn}) => [String(bgpRemoteAsn)],
  mcast_pub_groups: ({mcastPubGroups}) => groupsText(mcastPubGroups),
  mcast_sub_groups: ({mcastSubGroups}) => groupsText(mcastSubGroups),
  mcast_rp_address: ({mcastRpAddress}) => addressText(mcastRpAddress),
};

const fieldsOf = (spec: TunnelSpec): readonly SpecField[] => strategyFor(spec).fields(spec);

/** What the service uses of its spec, as one text. */
const identity = (spec: TunnelSpec): string =>
  JSON.stringify(fieldsOf(spec).map(field => [field, canonical[field](spec)]));

/** Changes whenever the spec does, and only then: the same after a restart of the daemon. */
export const etagOf = (spec: TunnelSpec): string =>
  createHash('sha256').update(identity(spec)).digest('base64url').slice(0, 16);

/** One difference between two specs. */
export interface SpecDifference {
  readonly field: SpecField;
  /** In words: `192.0.2.2 → 192.0.2.3`, or `+233.84.178.4 -233.84.178.1` for a list. */
  readonly description: string;
}

const lists: ReadonlySet<SpecField> = new Set(['doublezero_prefixes', 'mcast_pub_groups', 'mcast_sub_groups']);

function describe(field: SpecField, from: readonly string[], to: readonly string[]): string {
  if (!lists.has(field)) return `${from[0] ?? 'none'} → ${to[0] ?? 'none'}`;
  const added = to.filter(item => !from.includes(item)).map(item => `+${item}`);
  const removed = from.filter(item => !to.includes(item)).map(item => `-${item}`);
  return [...added, ...removed].join(' ');
}

/** The fields in which two specs differ, of those that either service uses; empty for specs that mean the same. */
export function differences(from: TunnelSpec, to: TunnelSpec): SpecDifference[] {
  const fields = new Set([...fieldsOf(from), ...fieldsOf(to)]);
  return [...fields].flatMap(field => {
    const [before, after] = [canonical[field](from), canonical[field](to)];
    return before.join() === after.join() ? [] : [{field, description: describe(field, before, after)}];
  });
}
