import type {BgpSessionStatus, BgpSessionState as SessionState} from '../bgp/bgp-speaker.js';
import {formatIpv4, formatPrefix, type Ipv4} from '../ip/ipv4.js';
import type {StepReport} from '../services/step.js';
import {localOverlay, remoteOverlay, type ServiceType, type TunnelSpec} from '../services/tunnel-spec.js';
import type {Observed} from '../tunnels/events.js';
import type {SpecInput} from '../tunnels/spec-parse.js';
import type {Tunnel, TunnelState} from '../tunnels/tunnel.js';
import type {RouteAnswer} from '../tunnels/tunnel-manager.js';
import {type BgpSession, BgpSessionState} from './generated/doublezero/tunnel/v1/bgp_session.js';
import {KernelState, type Route} from './generated/doublezero/tunnel/v1/route.js';
import type {RemoveTunnelResponse, TeardownStep} from './generated/doublezero/tunnel/v1/teardown.js';
import {
  type Link,
  TunnelState as ProtoState,
  type Tunnel as ProtoTunnel,
} from './generated/doublezero/tunnel/v1/tunnel.js';
import type {ResolveRouteResponse} from './generated/doublezero/tunnel/v1/tunnel_service.js';
import {type TunnelSpec as ProtoSpec, ServiceType as ProtoType} from './generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Duration} from './generated/google/protobuf/duration.js';
import {fromMulticast} from './multicast-translation.js';
import type {TunnelRoute} from './route-pages.js';

const serviceTypes: Record<ServiceType, ProtoType> = {
  ibrl: ProtoType.SERVICE_TYPE_IBRL,
  ibrlWithAllocatedIp: ProtoType.SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP,
  edgeFiltering: ProtoType.SERVICE_TYPE_EDGE_FILTERING,
  multicast: ProtoType.SERVICE_TYPE_MULTICAST,
};

const serviceTypeNames = new Map<number, string>([
  [ProtoType.SERVICE_TYPE_UNSPECIFIED, ''],
  ...Object.entries(serviceTypes).map(([name, value]) => [value, name] as const),
]);

const tunnelStates: Record<TunnelState, ProtoState> = {
  planned: ProtoState.TUNNEL_STATE_UNSPECIFIED,
  provisioning: ProtoState.TUNNEL_STATE_PROVISIONING,
  up: ProtoState.TUNNEL_STATE_UP,
  degraded: ProtoState.TUNNEL_STATE_DEGRADED,
  removing: ProtoState.TUNNEL_STATE_REMOVING,
  failed: ProtoState.TUNNEL_STATE_FAILED,
};

const sessionStates: Record<SessionState, BgpSessionState> = {
  pending: BgpSessionState.BGP_SESSION_STATE_PENDING,
  initializing: BgpSessionState.BGP_SESSION_STATE_INITIALIZING,
  down: BgpSessionState.BGP_SESSION_STATE_DOWN,
  up: BgpSessionState.BGP_SESSION_STATE_UP,
  failed: BgpSessionState.BGP_SESSION_STATE_FAILED,
  unreachable: BgpSessionState.BGP_SESSION_STATE_UNREACHABLE,
};

/** A type this daemon does not know goes on as its number, for the domain to refuse by name. */
export const toSpecInput = (spec: ProtoSpec | undefined): SpecInput | undefined =>
  spec && {...spec, serviceType: serviceTypeNames.get(spec.serviceType) ?? String(spec.serviceType)};

const optionalText = (address: Ipv4 | undefined): string => (address === undefined ? '' : formatIpv4(address));

const fromSpec = (spec: TunnelSpec): ProtoSpec => ({
  serviceType: serviceTypes[spec.serviceType],
  tunnelSrc: formatIpv4(spec.tunnelSrc),
  tunnelDst: formatIpv4(spec.tunnelDst),
  tunnelNet: formatPrefix(spec.tunnelNet),
  doublezeroIp: optionalText(spec.doublezeroIp),
  doublezeroPrefixes: spec.doublezeroPrefixes.map(formatPrefix),
  bgpLocalAsn: spec.bgpLocalAsn,
  bgpRemoteAsn: spec.bgpRemoteAsn,
  mcastPubGroups: spec.mcastPubGroups.map(formatIpv4),
  mcastSubGroups: spec.mcastSubGroups.map(formatIpv4),
  mcastRpAddress: optionalText(spec.mcastRpAddress),
});

const fromLink = ({index, mtu, adminUp, operState, statistics}: NonNullable<Tunnel['link']>): Link => ({
  index,
  mtu,
  adminUp,
  operState,
  ...statistics,
});

const fromSession = (session: BgpSessionStatus): BgpSession => ({
  state: sessionStates[session.state],
  lastUpdate: session.lastUpdate,
  localAddress: formatIpv4(session.localAddress),
  peerAddress: formatIpv4(session.peerAddress),
  localAsn: session.localAsn,
  peerAsn: session.peerAsn,
  holdTime: session.holdTime === undefined ? undefined : {seconds: BigInt(session.holdTime), nanos: 0},
  routesReceived: session.routesReceived,
  routesInstalled: session.routesInstalled,
  lastError: session.lastError,
  establishedTime: session.establishedTime,
});

export const fromTunnel = ({tunnel, session, multicast}: Observed): ProtoTunnel => ({
  name: tunnel.name,
  uid: tunnel.uid,
  spec: fromSpec(tunnel.spec),
  state: tunnelStates[tunnel.state],
  etag: tunnel.etag,
  localOverlay: formatIpv4(localOverlay(tunnel.spec)),
  remoteOverlay: formatIpv4(remoteOverlay(tunnel.spec)),
  bgpSession: session && fromSession(session),
  link: tunnel.link && fromLink(tunnel.link),
  createTime: tunnel.createTime,
  updateTime: tunnel.updateTime,
  lastError: tunnel.lastError,
  multicast: multicast && fromMulticast(multicast),
});

function fromMilliseconds(milliseconds: number): Duration {
  const nanos = Math.round(milliseconds * 1e6);
  return {seconds: BigInt(Math.floor(nanos / 1e9)), nanos: nanos % 1e9};
}

export const fromStep = ({step, ok, error, note, duration}: StepReport): TeardownStep => ({
  step,
  ok,
  error: ok ? note : error,
  duration: fromMilliseconds(duration),
});

export const fromReport = (report: readonly StepReport[]): RemoveTunnelResponse => ({steps: report.map(fromStep)});

export const fromRoute = (route: RouteAnswer): ResolveRouteResponse => ({
  source: optionalText(route.source),
  nextHop: optionalText(route.gateway),
  interface: route.interface ?? '',
  tunnel: route.tunnel ?? '',
});

export const fromLearnedRoute = (route: TunnelRoute): Route => ({
  prefix: formatPrefix(route.prefix),
  nextHop: formatIpv4(route.nextHop),
  source: optionalText(route.source),
  table: route.table,
  tunnel: route.tunnel,
  kernelState: route.installed ? KernelState.KERNEL_STATE_PRESENT : KernelState.KERNEL_STATE_ABSENT,
  asPath: [...route.asPath],
});
