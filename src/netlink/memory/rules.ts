import {contains, type Ipv4, type Ipv4Prefix, samePrefix} from '../../ip/ipv4.js';
import {type Rule, routeProtocol, routeTable} from '../netlinker.js';

/** What Linux starts with: local, main, default. */
export const standardRules: readonly Rule[] = [
  {priority: 0, table: 255, protocol: routeProtocol.kernel},
  {priority: 32_766, table: routeTable.main, protocol: routeProtocol.kernel},
  {priority: 32_767, table: 253, protocol: routeProtocol.kernel},
];

const sameSelector = (a: Ipv4Prefix | undefined, b: Ipv4Prefix | undefined): boolean =>
  a === undefined || b === undefined ? a === b : samePrefix(a, b);

export const ruleEquals = (a: Rule, b: Rule): boolean =>
  a.priority === b.priority &&
  a.table === b.table &&
  a.protocol === b.protocol &&
  sameSelector(a.source, b.source) &&
  sameSelector(a.destination, b.destination);

/** Whether the rule applies to a packet of this host that has no source address yet. */
export const selects = ({source, destination}: Rule, to: Ipv4): boolean =>
  (source?.length ?? 0) === 0 && (destination === undefined || contains(destination, to));
