import {ServiceType, type TunnelSpec} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {addresses} from './topology.js';

const underlay = {
  tunnelSrc: addresses.hostUnderlay,
  tunnelDst: addresses.deviceUnderlay,
  tunnelNet: addresses.tunnelNet,
};

/** The specs whose kernel state is on record. */
export const specs = {
  ibrl: {...underlay, serviceType: ServiceType.SERVICE_TYPE_IBRL, doublezeroIp: addresses.hostUnderlay},
  ibrlWithAllocatedIp: {
    ...underlay,
    serviceType: ServiceType.SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP,
    doublezeroIp: addresses.doublezeroIp,
  },
  edgeFiltering: {
    ...underlay,
    serviceType: ServiceType.SERVICE_TYPE_EDGE_FILTERING,
    doublezeroIp: addresses.doublezeroIp,
    doublezeroPrefixes: [...addresses.prefixes],
  },
  multicast: {
    ...underlay,
    serviceType: ServiceType.SERVICE_TYPE_MULTICAST,
    doublezeroIp: addresses.doublezeroIp,
    mcastPubGroups: [...addresses.publishedGroups],
    mcastSubGroups: [...addresses.subscribedGroups],
  },
} satisfies Record<string, Partial<TunnelSpec>>;
