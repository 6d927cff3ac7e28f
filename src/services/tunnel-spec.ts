import {type Ipv4, type Ipv4Prefix, ipv4} from '../ip/ipv4.js';

export type ServiceType = 'ibrl' | 'ibrlWithAllocatedIp' | 'edgeFiltering' | 'multicast';

/** What a tunnel shall be: parsed, checked and with every default filled in. Named after `TunnelSpec` in the protos. */
export interface TunnelSpec {
  readonly serviceType: ServiceType;
  /** Underlay source. */
  readonly tunnelSrc: Ipv4;
  /** Underlay destination. */
  readonly tunnelDst: Ipv4;
  /** The overlay's /31, host bit cleared. */
  readonly tunnelNet: Ipv4Prefix;
  /** Absent only for a multicast subscriber that publishes nothing. */
  readonly doublezeroIp?: Ipv4 | undefined;
  readonly doublezeroPrefixes: readonly Ipv4Prefix[];
  readonly bgpLocalAsn: number;
  readonly bgpRemoteAsn: number;
  readonly mcastPubGroups: readonly Ipv4[];
  readonly mcastSubGroups: readonly Ipv4[];
  /** Rendezvous point; set for multicast only. */
  readonly mcastRpAddress?: Ipv4 | undefined;
}

/** The device's end of the overlay: the even address of the /31. */
export const remoteOverlay = ({tunnelNet}: TunnelSpec): Ipv4 => tunnelNet.address;

/** Our end of the overlay: the odd address of the /31. */
export const localOverlay = ({tunnelNet}: TunnelSpec): Ipv4 => ipv4(tunnelNet.address + 1);

export const publishes = ({mcastPubGroups}: TunnelSpec): boolean => mcastPubGroups.length > 0;

export const subscribes = ({mcastSubGroups}: TunnelSpec): boolean => mcastSubGroups.length > 0;

/** The DoubleZero IP of a service that cannot be without one. */
export function requireDoublezeroIp({doublezeroIp, serviceType}: TunnelSpec): Ipv4 {
  if (doublezeroIp === undefined) throw new TypeError(`a spec of type ${serviceType} without doublezero_ip`);
  return doublezeroIp;
}
