import {ipv4} from '../ip/ipv4.js';
import {type Rule, routeProtocol, routeTable} from '../netlink/netlinker.js';
import {strategyOf} from './service.js';
import {remoteOverlay, requireDoublezeroIp, type TunnelSpec} from './tunnel-spec.js';

const interfaceName = 'doublezero0';

/** Priority 100 before 101, prefix by prefix. Protocol kernel keeps systemd-networkd from purging them when it restarts. */
function rules({doublezeroPrefixes}: TunnelSpec): Rule[] {
  const {edgeFilteringInbound: inbound, edgeFilteringOutbound: outbound} = routeTable;
  return doublezeroPrefixes.flatMap(prefix => [
    {priority: inbound, table: inbound, destination: prefix, protocol: routeProtocol.kernel},
    {priority: outbound, table: outbound, source: prefix, protocol: routeProtocol.kernel},
  ]);
}

/** Edge filtering: traffic of the DoubleZero prefixes goes through the tunnel by policy, both ways. */
export const edgeFiltering = strategyOf({
  interfaceName,
  fields: () => ['doublezero_ip', 'doublezero_prefixes'],
  tunnelAddress: requireDoublezeroIp,
  rules,
  routes: spec => [
    {
      destination: {address: ipv4(0), length: 0},
      table: routeTable.edgeFilteringOutbound,
      protocol: routeProtocol.boot,
      gateway: remoteOverlay(spec),
      source: requireDoublezeroIp(spec),
      interface: interfaceName,
    },
  ],
  routing: spec => ({
    doublezeroIp: requireDoublezeroIp(spec),
    table: routeTable.edgeFilteringInbound,
    noInstall: false,
    noUninstall: false,
  }),
});
