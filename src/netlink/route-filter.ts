import type {Route, RouteFilter} from './netlinker.js';

/** Whether the route equals the filter in every field given. */
export const routeMatches = (route: Route, {table, protocol, gateway, interface: name}: RouteFilter): boolean =>
  (table === undefined || route.table === table) &&
  (protocol === undefined || route.protocol === protocol) &&
  (gateway === undefined || route.gateway === gateway) &&
  (name === undefined || route.interface === name);
