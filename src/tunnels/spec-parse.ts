import {contains, formatIpv4, type Ipv4, ipv4} from '../ip/ipv4.js';
import {strategies} from '../services/strategies.js';
import type {ServiceType, TunnelSpec} from '../services/tunnel-spec.js';
import {InvalidArgument} from './errors.js';
import {FieldParser} from './field-parser.js';

/** A spec as it comes over the wire: text, nothing checked. Fields that were not set are empty. */
export interface SpecInput {
  /** A `ServiceType`; empty where none was named, anything else where an unknown one was. */
  readonly serviceType: string;
  readonly tunnelSrc: string;
  readonly tunnelDst: string;
  readonly tunnelNet: string;
  readonly doublezeroIp: string;
  readonly doublezeroPrefixes: readonly string[];
  readonly bgpLocalAsn: number;
  readonly bgpRemoteAsn: number;
  readonly mcastPubGroups: readonly string[];
  readonly mcastSubGroups: readonly string[];
  readonly mcastRpAddress: string;
}

/** A spec whose underlay source may still have to be looked up. */
export interface ParsedSpec extends Omit<TunnelSpec, 'tunnelSrc'> {
  /** Absent: the source the kernel would use towards `tunnelDst`. */
  readonly tunnelSrc?: Ipv4 | undefined;
}

const defaultLocalAsn = 65000;
const defaultRemoteAsn = 65001;
/** 10.0.0.0, the anycast address that every device answers to. */
const defaultRpAddress = ipv4(0x0a000000);

/** Checks every field and fills in the defaults. Throws `InvalidArgument` with a violation for each wrong field. */
export function parseSpec(input: SpecInput | undefined): ParsedSpec {
  const fields = new FieldParser();
  if (!input) {
    fields.fault('spec', 'is required');
    throw new InvalidArgument(fields.violations);
  }
  const serviceType = parseServiceType(fields, input.serviceType);
  const isMulticast = serviceType === 'multicast';
  const tunnelSrc = fields.optionalUnicast('spec.tunnel_src', input.tunnelSrc);
  const tunnelDst = fields.unicast('spec.tunnel_dst', input.tunnelDst);
  const tunnelNet = fields.overlay('spec.tunnel_net', input.tunnelNet);
  const doublezeroIp = fields.optionalUnicast('spec.doublezero_ip', input.doublezeroIp);
  const doublezeroPrefixes = fields.networks('spec.doublezero_prefixes', input.doublezeroPrefixes);
  const bgpLocalAsn = fields.asn('spec.bgp_local_asn', input.bgpLocalAsn, defaultLocalAsn);
  const bgpRemoteAsn = fields.asn('spec.bgp_remote_asn', input.bgpRemoteAsn, defaultRemoteAsn);
  const mcastPubGroups = fields.groups('spec.mcast_pub_groups', input.mcastPubGroups);
  const mcastSubGroups = fields.groups('spec.mcast_sub_groups', input.mcastSubGroups);
  const mcastRpAddress =
    fields.optionalUnicast('spec.mcast_rp_address', input.mcastRpAddress) ??
    (isMulticast ? defaultRpAddress : undefined);

  if (serviceType) checkServiceType(fields, serviceType, input);
  if (tunnelSrc !== undefined && tunnelSrc === tunnelDst) {
    fields.fault('spec.tunnel_dst', `${input.tunnelDst} is tunnel_src too; a tunnel needs two ends`);
  }
  if (doublezeroIp !== undefined && tunnelNet && contains(tunnelNet, doublezeroIp)) {
    fields.fault('spec.doublezero_ip', `${formatIpv4(doublezeroIp)} is one end of tunnel_net`);
  }
  if (
    fields.violations.length > 0 ||
    !serviceType ||
    tunnelDst === undefined ||
    !tunnelNet ||
    bgpLocalAsn === undefined ||
    bgpRemoteAsn === undefined
  ) {
    throw new InvalidArgument(fields.violations);
  }
  return {
    serviceType,
    tunnelSrc,
    tunnelDst,
    tunnelNet,
    doublezeroIp,
    doublezeroPrefixes,
    bgpLocalAsn,
    bgpRemoteAsn,
    mcastPubGroups,
    mcastSubGroups,
    mcastRpAddress,
  };
}

function parseServiceType(fields: FieldParser, text: string): ServiceType | undefined {
  if (Object.hasOwn(strategies, text)) return text as ServiceType;
  return fields.fault('spec.service_type', text === '' ? 'is required' : `${text} is not a known service type`);
}

/** What a type needs, and what belongs to another type and was surely meant for one. */
function checkServiceType(fields: FieldParser, serviceType: ServiceType, input: SpecInput): void {
  const {doublezeroIp, doublezeroPrefixes, mcastPubGroups, mcastSubGroups, mcastRpAddress} = input;
  const only = 'is for multicast tunnels only';
  if (serviceType === 'multicast') {
    if (mcastPubGroups.length + mcastSubGroups.length === 0) {
      const description = 'a multicast tunnel needs a group in mcast_pub_groups or mcast_sub_groups';
      fields.fault('spec.mcast_pub_groups', description);
      fields.fault('spec.mcast_sub_groups', description);
    }
    if (mcastPubGroups.length > 0 && doublezeroIp === '') {
      fields.fault('spec.doublezero_ip', 'is required to publish: it is the source of what is sent');
    }
    return;
  }
  if (doublezeroIp === '') fields.fault('spec.doublezero_ip', 'is required');
  if (mcastPubGroups.length > 0) fields.fault('spec.mcast_pub_groups', only);
  if (mcastSubGroups.length > 0) fields.fault('spec.mcast_sub_groups', only);
  if (mcastRpAddress !== '') fields.fault('spec.mcast_rp_address', only);
  if (serviceType === 'edgeFiltering' && doublezeroPrefixes.length === 0) {
    fields.fault('spec.doublezero_prefixes', 'edge filtering needs at least one prefix');
  }
}
