import {hostPrefix, type Ipv4} from '../ip/ipv4.js';
import {type Rule, routeProtocol} from '../netlink/netlinker.js';

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

/** Guards are known by what they look like, so one that a crash left behind is found in the kernel itself. */
export const isGuard = (rule: Rule): boolean =>
  rule.priority === priority &&
  rule.action === 'unreachable' &&
  rule.protocol === routeProtocol.kernel &&
  rule.source?.length === 32;
