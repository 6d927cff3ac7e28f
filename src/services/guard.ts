import {hostPrefix, type Ipv4} from '../ip/ipv4.js';
import {type Rule, routeProtocol, routeTable} from '../netlink/netlinker.js';

/** Before the rules of edge filtering and the main table's, which would lead the traffic elsewhere. */
const priority = 99;

/**
 * Keeps packets of a vanishing address from leaving by another way. `unreachable` and not `prohibit` or `blackhole`:
 * programs hear ENETUNREACH, which is what they get when the tunnel is gone.
 */
export const guard = (address: Ipv4): Rule => ({
  priority,
  action: 'unreachable',
  source: hostPrefix(address),
  protocol: routeProtocol.kernel,
});

/** Lets packets of a guarded address through to one peer: what the daemon itself has still to say to the device. */
export const exemption = (address: Ipv4, peer: Ipv4): Rule => ({
  priority: priority - 1,
  table: routeTable.main,
  source: hostPrefix(address),
  destination: hostPrefix(peer),
  protocol: routeProtocol.kernel,
});

export const isExemption = (rule: Rule): boolean =>
  rule.priority === priority - 1 && rule.table === routeTable.main && isOurs(rule) && rule.destination?.length === 32;

/** Guards and exemptions are known by what they look like, so what a crash left behind is found in the kernel itself. */
export const isGuard = (rule: Rule): boolean =>
  (rule.priority === priority && rule.action === 'unreachable' && isOurs(rule)) || isExemption(rule);

const isOurs = ({protocol, source}: Rule): boolean => protocol === routeProtocol.kernel && source?.length === 32;
