import {ServiceType, type TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Random} from './random.js';

export const slotNames = ['doublezero0', 'doublezero1'] as const;
export type SlotName = (typeof slotNames)[number];

export const hostUnderlay = '192.0.2.1';

/** One of the devices' tunnel endpoints. The overlay goes with it, as in the network. */
export interface Endpoint {
  readonly index: number;
  readonly underlay: string;
  readonly net: string;
  /** The device's address in the overlay, and ours. */
  readonly remote: string;
  readonly local: string;
}

/** The first two are for unicast and the others for multicast, but for a mistake now and then. */
export const endpoints: readonly Endpoint[] = [0, 1, 2, 3].map(index => ({
  index,
  underlay: `192.0.2.${10 + index}`,
  net: `169.254.0.${2 * index}/31`,
  remote: `169.254.0.${2 * index}`,
  local: `169.254.0.${2 * index + 1}`,
}));

const allocatedIps = ['10.99.0.1', '10.99.0.2'] as const;
const publisherIps = ['10.99.1.1', '10.99.1.2'] as const;
const prefixes = ['203.0.113.0/24', '198.51.100.0/25', '198.51.100.128/26', '100.64.0.0/10'];
const groups = Array.from({length: 6}, (_, index) => `233.84.178.${index + 1}`);

/** What a controller may ask for, with every default filled in: equal where it means the same. */
export interface DrawnSpec {
  readonly spec: TunnelSpec;
  /** `tunnel_src` is left to the daemon. */
  readonly withoutSource: boolean;
  /** No daemon should accept it. */
  readonly isInvalid: boolean;
}

const {
  SERVICE_TYPE_IBRL: ibrl,
  SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP: allocated,
  SERVICE_TYPE_EDGE_FILTERING: edgeFiltering,
  SERVICE_TYPE_MULTICAST: multicast,
} = ServiceType;

export function drawSpec(random: Random, slot: SlotName): DrawnSpec {
  const isStray = slot === 'doublezero1' && random.chance(0.1);
  const endpoint = endpoints[random.integer(0, 1) + (slot === 'doublezero1' && !isStray ? 2 : 0)] as Endpoint;
  const common: TunnelSpec = {
    serviceType: multicast,
    tunnelSrc: hostUnderlay,
    tunnelDst: endpoint.underlay,
    tunnelNet: endpoint.net,
    doublezeroIp: '',
    doublezeroPrefixes: [],
    bgpLocalAsn: 65000,
    bgpRemoteAsn: 65001,
    mcastPubGroups: [],
    mcastSubGroups: [],
    mcastRpAddress: '',
  };
  const spec = slot === 'doublezero0' ? unicast(random, common) : ofGroups(random, common);
  const isInvalid = random.chance(0.04);
  return {
    spec: isInvalid ? {...spec, tunnelNet: '169.254.0.0/30'} : spec,
    withoutSource: random.chance(0.3),
    isInvalid,
  };
}

function unicast(random: Random, common: TunnelSpec): TunnelSpec {
  const serviceType = random.pick([ibrl, allocated, edgeFiltering]);
  const doublezeroIp = serviceType === ibrl ? hostUnderlay : random.pick(allocatedIps);
  const doublezeroPrefixes = serviceType === edgeFiltering ? random.some(prefixes, 1) : [];
  return {...common, serviceType, doublezeroIp, doublezeroPrefixes};
}

function ofGroups(random: Random, common: TunnelSpec): TunnelSpec {
  const publishes = random.chance(0.6);
  const mcastPubGroups = publishes ? random.some(groups, 1, 4) : [];
  const mcastSubGroups = random.some(groups, publishes ? 0 : 1, 4);
  const doublezeroIp = publishes ? random.pick(publisherIps) : '';
  return {...common, doublezeroIp, mcastPubGroups, mcastSubGroups, mcastRpAddress: '10.0.0.0'};
}

export const slotOf = ({serviceType}: TunnelSpec): SlotName =>
  serviceType === multicast ? 'doublezero1' : 'doublezero0';

export const sameSpec = (a: TunnelSpec, b: TunnelSpec): boolean => JSON.stringify(a) === JSON.stringify(b);

/** In short, for one line. */
export const describeSpec = (spec: TunnelSpec): string => {
  const {serviceType, tunnelDst, doublezeroIp, doublezeroPrefixes, mcastPubGroups, mcastSubGroups} = spec;
  const last = (addresses: readonly string[]) => addresses.map(address => address.replace('233.84.178.', '')).join();
  return [
    ServiceType[serviceType].replace('SERVICE_TYPE_', ''),
    `to ${tunnelDst} in ${spec.tunnelNet}`,
    doublezeroIp && `as ${doublezeroIp}`,
    doublezeroPrefixes.length > 0 && `for ${doublezeroPrefixes.join()}`,
    mcastPubGroups.length > 0 && `pub ${last(mcastPubGroups)}`,
    mcastSubGroups.length > 0 && `sub ${last(mcastSubGroups)}`,
  ]
    .filter(Boolean)
    .join(' ');
};
