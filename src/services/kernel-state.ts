import {formatPrefix, type Ipv4, samePrefix} from '../ip/ipv4.js';
import {
  type GreTunnel,
  type InterfaceAddress,
  type Route,
  type Rule,
  routeProtocol,
  routeTable,
} from '../netlink/netlinker.js';

/** What a service has in the kernel beside the routes it learns. */
export interface KernelState {
  readonly device: GreTunnel;
  readonly addresses: readonly InterfaceAddress[];
  /** Policy rules; absent for a service whose slot has none and must not touch those of the other. */
  readonly rules: readonly Rule[] | undefined;
  readonly routes: readonly Route[];
  /** The device at the far end, and the route to it that the kernel makes with the overlay address. */
  readonly peer: Ipv4;
  readonly connectedRoute: Route;
  /** Table that BGP puts its routes in; absent where it installs none. */
  readonly learnedRoutesTable: number | undefined;
}

export const isSameAddress = (a: InterfaceAddress, b: InterfaceAddress): boolean =>
  samePrefix(a, b) && a.scope === b.scope;

const selectorText = (prefix: Rule['source']): string => (prefix ? formatPrefix(prefix) : 'all');

/** Equal for rules that do the same. */
const ruleIdentity = ({priority, action, table, protocol, source, destination}: Rule): string =>
  `${priority} ${action} ${table} ${protocol} ${selectorText(source)} ${selectorText(destination)}`;

/** The rules of the first list that are not in the second. */
export function withoutRules(rules: readonly Rule[], others: readonly Rule[]): Rule[] {
  const known = new Set(others.map(ruleIdentity));
  return rules.filter(rule => !known.has(ruleIdentity(rule)));
}

/**
 * Edge filtering's rules are known by priority, table and protocol together, so those that a crash or a failed step
 * left behind are found in the kernel itself and need no book-keeping.
 */
export const isOurRule = ({action, priority, table, protocol}: Rule): boolean =>
  action === undefined &&
  protocol === routeProtocol.kernel &&
  (table === routeTable.edgeFilteringInbound || table === routeTable.edgeFilteringOutbound) &&
  priority === table;

/** Equal for routes that do the same. */
export const routeIdentity = ({destination, table, gateway, source, interface: device}: Route): string =>
  `${formatPrefix(destination)} ${table} ${gateway} ${source} ${device}`;

/** Tells whether a route is among those given, its protocol included. */
export function isAmong(routes: readonly Route[]): (route: Route) => boolean {
  const key = (route: Route) => `${route.protocol} ${routeIdentity(route)}`;
  const keys = new Set(routes.map(key));
  return route => keys.has(key(route));
}
