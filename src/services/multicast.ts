import {hostPrefix, type Ipv4} from '../ip/ipv4.js';
import {type Route, routeProtocol, routeTable} from '../netlink/netlinker.js';
import {routesChange} from './routing-steps.js';
import {strategyOf} from './service.js';
import {type Signalling, signallingChange} from './signalling-steps.js';
import type {Step} from './step.js';
import type {Ports, SpecChange, SpecField} from './strategy.js';
import {
  localOverlay,
  publishes,
  remoteOverlay,
  requireDoublezeroIp,
  subscribes,
  type TunnelSpec,
} from './tunnel-spec.js';

const interfaceName = 'doublezero1';

const publishedAddress = (spec: TunnelSpec): Ipv4 | undefined => (publishes(spec) ? spec.doublezeroIp : undefined);

/** One route a group: that of a publisher, which sends from the DoubleZero IP, also where the group is subscribed to as well. */
function groupRoutes(spec: TunnelSpec): Route[] {
  const published = new Set(spec.mcastPubGroups);
  const onlySubscribed = spec.mcastSubGroups.filter(group => !published.has(group));
  const route = (group: Ipv4, source: Ipv4 | undefined): Route => ({
    destination: hostPrefix(group),
    table: routeTable.main,
    protocol: routeProtocol.static,
    gateway: remoteOverlay(spec),
    source,
    interface: interfaceName,
  });
  return [
    ...spec.mcastPubGroups.map(group => route(group, spec.doublezeroIp)),
    ...onlySubscribed.map(group => route(group, undefined)),
  ];
}

/** A tunnel that only publishes stays free of Hellos: with a PIM neighbor there, the device would not announce its sources. */
function signalling(spec: TunnelSpec): Signalling {
  const {mcastRpAddress: rp} = spec;
  if (rp === undefined) throw new TypeError('a multicast spec without mcast_rp_address');
  const localAddress = localOverlay(spec);
  const published = () => ({localAddress, source: requireDoublezeroIp(spec), groups: spec.mcastPubGroups});
  return {
    ...(publishes(spec) && {heartbeat: published(), register: {...published(), rp}}),
    ...(subscribes(spec) && {
      pim: {localAddress, peerAddress: remoteOverlay(spec), rp, groups: spec.mcastSubGroups},
    }),
  };
}

const groupFields: readonly SpecField[] = ['mcast_pub_groups', 'mcast_sub_groups'];

/** Only the groups differ and the publisher role stays: routes and senders follow, tunnel and session are untouched. */
function updateInPlace({from, to, fields}: SpecChange, {netlinker, multicast: speaker}: Ports): Step[] | undefined {
  const onlyGroups = fields.every(field => groupFields.includes(field));
  if (!onlyGroups || publishes(from) !== publishes(to)) return undefined;
  return [
    routesChange(netlinker, groupRoutes(from), groupRoutes(to)),
    ...signallingChange(speaker, interfaceName, signalling(from), signalling(to)),
  ];
}

/** Multicast: groups published to and subscribed to through the device. The BGP session installs nothing. */
export const multicast = strategyOf({
  interfaceName,
  fields: spec => [...(publishes(spec) ? (['doublezero_ip'] as const) : []), ...groupFields, 'mcast_rp_address'],
  tunnelAddress: publishedAddress,
  routes: groupRoutes,
  routing: spec => ({
    doublezeroIp: publishedAddress(spec),
    table: routeTable.main,
    noInstall: true,
    noUninstall: false,
  }),
  signalling,
  updateInPlace,
});
