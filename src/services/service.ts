import {hostPrefix, type Ipv4} from '../ip/ipv4.js';
import {
  type GreTunnel,
  type InterfaceAddress,
  type Route,
  type Rule,
  routeProtocol,
  routeTable,
} from '../netlink/netlinker.js';
import {adopt} from './adoption.js';
import {bgpPeerAdd, bgpPeerDelete, type Routing} from './bgp-steps.js';
import {findDrift, findMissingRoutes} from './drift.js';
import type {KernelState} from './kernel-state.js';
import {connectedRouteRestore, routesAdd, routesDelete, rulesAdd, rulesDelete} from './routing-steps.js';
import {type Signalling, signallingStart, signallingStop} from './signalling-steps.js';
import type {Step} from './step.js';
import type {Ports, SpecField, Strategy} from './strategy.js';
import {allGuardsDelete, guardsDelete, hasGuards, teardownInOrder} from './teardown.js';
import {localOverlay, remoteOverlay, type TunnelSpec} from './tunnel-spec.js';
import {
  addressAdd,
  type FormerRun,
  noFormerRun,
  ownLink,
  strayTunnelDelete,
  tunnelAdd,
  tunnelUp,
} from './tunnel-steps.js';

/** What a service puts on the host beside the device and its overlay address. */
export interface Service {
  readonly interfaceName: Strategy['interfaceName'];
  /** Fields of the spec the service uses beside those that every tunnel has. */
  readonly fields: Strategy['fields'];
  /** The DoubleZero IP, where it sits on the tunnel. */
  readonly tunnelAddress: (spec: TunnelSpec) => Ipv4 | undefined;
  /** Policy rules; absent for a service whose slot has none. */
  readonly rules?: (spec: TunnelSpec) => Rule[];
  readonly routes?: (spec: TunnelSpec) => Route[];
  readonly routing: (spec: TunnelSpec) => Routing;
  /** What it says to the device beside BGP; absent for a service that says nothing. */
  readonly signalling?: (spec: TunnelSpec) => Signalling;
  readonly updateInPlace?: Strategy['updateInPlace'];
}

/** Hops. */
const ttl = 64;
/** Bytes: 1,500 of Ethernet less 20 of the outer IPv4 header and 4 of GRE (RFC 2784). */
const mtu = 1476;

const commonFields: readonly SpecField[] = [
  'service_type',
  'tunnel_src',
  'tunnel_dst',
  'tunnel_net',
  'bgp_local_asn',
  'bgp_remote_asn',
];

/** Scope link keeps the kernel from choosing the overlay address as the source of ordinary traffic. */
const overlayAddress = (spec: TunnelSpec): InterfaceAddress => ({
  address: localOverlay(spec),
  length: 31,
  scope: 'link',
});

const connectedRoute = (device: string, spec: TunnelSpec): Route => ({
  destination: spec.tunnelNet,
  table: routeTable.main,
  protocol: routeProtocol.kernel,
  source: localOverlay(spec),
  interface: device,
});

/** Makes the strategy of a service: all are set up and torn down in one order. */
export function strategyOf(service: Service): Strategy {
  const {interfaceName: name, fields, tunnelAddress, rules, routes, routing, signalling, updateInPlace} = service;

  const device = ({tunnelSrc, tunnelDst}: TunnelSpec): GreTunnel => ({
    name,
    local: tunnelSrc,
    remote: tunnelDst,
    ttl,
    mtu,
  });
  const serviceAddresses = (spec: TunnelSpec): InterfaceAddress[] => {
    const address = tunnelAddress(spec);
    return address === undefined ? [] : [{...hostPrefix(address), scope: 'universe'}];
  };
  const kernelState = (spec: TunnelSpec): KernelState => {
    const {table, noInstall} = routing(spec);
    return {
      device: device(spec),
      addresses: [overlayAddress(spec), ...serviceAddresses(spec)],
      rules: rules?.(spec),
      routes: routes?.(spec) ?? [],
      peer: remoteOverlay(spec),
      connectedRoute: connectedRoute(name, spec),
      learnedRoutesTable: noInstall ? undefined : table,
    };
  };
  const inKernel = (spec: TunnelSpec, {netlinker}: Ports, former: FormerRun): Step[] => [
    adopt(netlinker, kernelState(spec), former),
    tunnelAdd(netlinker, device(spec), former),
    addressAdd(netlinker, name, overlayAddress(spec), former),
    tunnelUp(netlinker, name, former),
    connectedRouteRestore(netlinker, connectedRoute(name, spec), former),
    ...serviceAddresses(spec).map(address => addressAdd(netlinker, name, address, former)),
    ...(rules ? [rulesAdd(netlinker, rules(spec))] : []),
    ...(routes ? [routesAdd(netlinker, routes(spec), former)] : []),
  ];

  return {
    interfaceName: name,
    fields: spec => [...commonFields, ...fields(spec)],
    setup: (spec, ports) => {
      const former = noFormerRun();
      return [
        ...inKernel(spec, ports, former),
        ...signallingStart(ports.multicast, name, signalling?.(spec) ?? {}),
        bgpPeerAdd(ports.bgp, name, spec, routing(spec), former),
      ];
    },
    teardown: (spec, {netlinker, bgp, multicast, teardown}) =>
      teardownInOrder({
        netlinker,
        settings: teardown,
        device: device(spec),
        overlayAddress: localOverlay(spec),
        overlayPeer: remoteOverlay(spec),
        serviceAddress: tunnelAddress(spec),
        routing: [
          ...(rules ? [rulesDelete(netlinker)] : []),
          ...(routes ? [routesDelete(netlinker, routes(spec))] : []),
        ],
        signalling: signallingStop(multicast, name, signalling?.(spec) ?? {}),
        bgpPeerDelete: bgpPeerDelete(bgp, name),
      }),
    unguard: (spec, {netlinker}) => [
      guardsDelete(
        netlinker,
        kernelState(spec).addresses.map(({address}) => address),
      ),
    ],
    sweep: ({netlinker}, what) => [
      ...(rules ? [rulesDelete(netlinker)] : []),
      ...(what.device ? [strayTunnelDelete(netlinker, name, ttl)] : []),
      allGuardsDelete(netlinker),
    ],
    repair: (spec, ports) => inKernel(spec, ports, noFormerRun()),
    drift: async (spec, {netlinker, multicast}) => {
      const fault = multicast.status(name)?.fault;
      return [...(await findDrift(netlinker, kernelState(spec))), ...(fault ? [fault] : [])];
    },
    isDown: async (spec, {netlinker}) => (await ownLink(netlinker, device(spec)))?.adminUp === false,
    isGuarded: (spec, {netlinker}) => hasGuards(netlinker, localOverlay(spec)),
    missingRoutes: (spec, {netlinker}) => findMissingRoutes(netlinker, kernelState(spec)),
    updateInPlace: (change, ports) => updateInPlace?.(change, ports),
  };
}
