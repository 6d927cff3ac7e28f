import {contains, type Ipv4} from '../../ip/ipv4.js';
import {type Rule, routeProtocol, routeTable} from '../netlinker.js';

/** What Linux starts with: local, main, default. */
export const standardRules: readonly Rule[] = [
  {priority: 0, table: 255, protocol: routeProtocol.kernel},
  {priority: 32_766, table: routeTable.main, protocol: routeProtocol.kernel},
  {priority: 32_767, table: 253, protocol: routeProtocol.kernel},
];

/** Whether the rule applies to a packet of this host, which may have no source address yet. */
export const selects = ({source, destination}: Rule, to: Ipv4, from: Ipv4 | undefined): boolean =>
  (source === undefined || (from !== undefined && contains(source, from))) &&
  (destination === undefined || contains(destination, to));
