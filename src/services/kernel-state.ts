import {formatPrefix, samePrefix} from '../ip/ipv4.js';
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
  /** Table that BGP puts its routes in; absent where it installs none. */
  readonly learnedRoutesTable: number | undefined;
}

export const isSameAddress = (a: InterfaceAddress, b: InterfaceAddress): boolean =>
  samePrefix(a, b) && a.scope === b.scope;

const sameSelector = (a: Rule['source'], b: Rule['source']): boolean => (a && b ? samePrefix(a, b) : a === b);

export const isSameRule = (a: Rule, b: Rule): boolean =>
  a.priority === b.priority &&
  a.action === b.action &&
  a.table === b.table &&
  a.protocol === b.protocol &&
  sameSelector(a.source, b.source) &&
  sameSelector(a.destination, b.destination);

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
