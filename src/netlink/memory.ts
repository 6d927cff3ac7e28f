import {contains, hasHostBits, type Ipv4, networkOf, samePrefix} from '../ip/ipv4.js';
import type {HostSocket, SocketHolder} from './host-socket.js';
import {ForwardingTables, reaches} from './memory/forwarding-tables.js';
import {type LiveInterface, type MemoryHost, ordinaryHost} from './memory/host.js';
import {selects, standardRules} from './memory/rules.js';
import {Sockets} from './memory/sockets.js';
import {sourceFor} from './memory/source-address.js';
import {
  type Capabilities,
  type GreTunnel,
  type InterfaceAddress,
  type Link,
  type Netlinker,
  type Operation,
  type ResolvedRoute,
  type Route,
  type RouteFilter,
  type RouteRefusal,
  type Rule,
  routeProtocol,
  routeTable,
} from './netlinker.js';
import {refusal} from './refusal.js';
import {routeMatches} from './route-filter.js';
import {ruleEquals, selecting} from './rule-selectors.js';

const noTraffic = {rxBytes: 0n, txBytes: 0n, rxPackets: 0n, txPackets: 0n, rxErrors: 0n, txErrors: 0n};
const minimumMtu = 68; // RFC 791 §3.2; the kernel holds against it when the MTU changes, but not when a tunnel is made

/** A small model of the kernel, for tests and for trying the API on any machine. It refuses what the kernel refuses. */
export class MemoryNetlinker implements Netlinker {
  readonly #capabilities: Capabilities;
  readonly #interfaces = new Map<string, LiveInterface>();
  readonly #tables = new ForwardingTables();
  readonly #sockets: Sockets;
  #rules: Rule[] = [...standardRules];
  #nextIndex = 1;

  constructor(host: Partial<MemoryHost> = {}) {
    const {capabilities, interfaces, routes, programs} = {...ordinaryHost, ...host};
    this.#capabilities = capabilities;
    this.#sockets = new Sockets(programs);
    for (const {addresses, ...device} of interfaces) {
      const live: LiveInterface = {...device, index: this.#nextIndex++, addresses: [...addresses]};
      this.#interfaces.set(live.name, live);
      if (live.up) this.#connect(live);
    }
    for (const route of routes) this.#tables.replace(route);
  }

  async capabilities(): Promise<Capabilities> {
    return this.#capabilities;
  }

  async link(name: string): Promise<Link | undefined> {
    const live = this.#interfaces.get(name);
    if (live === undefined) return undefined;
    const {index, kind, tunnel, mtu, up} = live;
    // A tunnel has no carrier to report, hence `unknown`.
    const operState = up ? (kind === 'gre' || name === 'lo' ? 'unknown' : 'up') : 'down';
    return {
      index,
      name,
      kind,
      tunnel: tunnel && {...tunnel, mtu},
      mtu,
      adminUp: up,
      operState,
      statistics: noTraffic,
    };
  }

  async tunnelAdd(tunnel: GreTunnel): Promise<void> {
    this.#permit('tunnelAdd');
    if (!this.#capabilities.gre) throw refusal('tunnelAdd', 'EOPNOTSUPP');
    if (this.#interfaces.has(tunnel.name) || this.#hasTunnelBetween(tunnel)) throw refusal('tunnelAdd', 'EEXIST');
    const {name, mtu} = tunnel;
    this.#interfaces.set(name, {index: this.#nextIndex++, name, kind: 'gre', tunnel, mtu, up: false, addresses: []});
  }

  async tunnelSetMtu(name: string, mtu: number): Promise<void> {
    const live = this.#change('tunnelSetMtu', name);
    if (mtu < minimumMtu) throw refusal('tunnelSetMtu', 'EINVAL');
    live.mtu = mtu;
  }

  async tunnelUp(name: string): Promise<void> {
    const live = this.#change('tunnelUp', name);
    if (live.up) return;
    live.up = true;
    this.#connect(live);
  }

  async tunnelDown(name: string): Promise<void> {
    this.#lower(this.#change('tunnelDown', name));
  }

  async tunnelDelete(name: string): Promise<void> {
    const live = this.#change('tunnelDelete', name);
    if (live.kind === undefined) throw refusal('tunnelDelete', 'EOPNOTSUPP');
    this.#lower(live);
    this.#interfaces.delete(name);
    for (const {address} of live.addresses) this.#forgetSource(address);
  }

  async addresses(name: string): Promise<InterfaceAddress[]> {
    return [...this.#find('addresses', name).addresses];
  }

  async addressAdd(name: string, address: InterfaceAddress): Promise<void> {
    const live = this.#change('addressAdd', name);
    if (live.addresses.some(present => samePrefix(present, address))) throw refusal('addressAdd', 'EEXIST');
    live.addresses.push(address);
    if (live.up) this.#connectSubnet(live, address);
  }

  async addressDelete(name: string, address: InterfaceAddress): Promise<void> {
    const live = this.#change('addressDelete', name);
    const kept = live.addresses.filter(present => !samePrefix(present, address));
    if (kept.length === live.addresses.length) throw refusal('addressDelete', 'EADDRNOTAVAIL');
    live.addresses = kept;
    this.#tables.remove(connectedRoute(live, address));
    this.#forgetSource(address.address);
    // An interface without an address does no IPv4 any more.
    if (kept.length === 0) this.#dropRoutes(live);
  }

  async addressOwners(address: Ipv4): Promise<string[]> {
    const live = [...this.#interfaces.values()];
    return live.filter(({addresses}) => addresses.some(own => own.address === address)).map(({name}) => name);
  }

  async rules(): Promise<Rule[]> {
    return [...this.#rules];
  }

  async ruleAdd(rule: Rule): Promise<void> {
    this.#permit('ruleAdd');
    if (this.#rules.some(present => ruleEquals(present, rule))) throw refusal('ruleAdd', 'EEXIST');
    const after = this.#rules.findIndex(({priority}) => priority > rule.priority);
    const [source, destination] = [selecting(rule.source), selecting(rule.destination)];
    this.#rules.splice(after < 0 ? this.#rules.length : after, 0, {...rule, source, destination});
  }

  async ruleDelete(rule: Rule): Promise<void> {
    this.#permit('ruleDelete');
    const index = this.#rules.findIndex(present => ruleEquals(present, rule));
    if (index < 0) throw refusal('ruleDelete', 'ENOENT');
    this.#rules.splice(index, 1);
  }

  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    return [...this.#tables].filter(route => routeMatches(route, filter));
  }

  async routesReplace(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#eachRoute('routesReplace', routes, route => {
      const errno = this.#objection(route);
      if (errno === undefined) this.#tables.replace(route);
      return errno;
    });
  }

  async routesDelete(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#eachRoute('routesDelete', routes, route => {
      if (!this.#interfaces.has(route.interface)) return 'ENODEV';
      return this.#tables.remove(route) ? undefined : 'ESRCH';
    });
  }

  async routeGet(destination: Ipv4, source?: Ipv4): Promise<ResolvedRoute> {
    if (source !== undefined && !this.#isLocal(source)) throw refusal('routeGet', 'ENETUNREACH');
    if (this.#isLocal(destination)) return {source: source ?? destination, interface: 'lo'};
    for (const {action, table} of this.#rules.filter(rule => selects(rule, destination, source))) {
      if (action === 'unreachable') break;
      const route = this.#tables.lookup(table, destination);
      if (route === undefined) continue;
      const {gateway, interface: device} = route;
      const chosen = source ?? route.source ?? sourceFor(route, destination, this.#interfaces);
      return {source: chosen, gateway, interface: device};
    }
    throw refusal('routeGet', 'ENETUNREACH');
  }

  async sockets(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    return this.#sockets.at(addresses);
  }

  async socketsAbort(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    if (!this.#capabilities.socketAbort) throw refusal('socketsAbort', 'EOPNOTSUPP');
    const doomed = this.#sockets.at(addresses);
    if (doomed.length > 0) this.#permit('socketsAbort');
    for (const socket of doomed) this.#sockets.abort(socket);
    return doomed;
  }

  async socketHolders(sockets: readonly HostSocket[]): Promise<SocketHolder[]> {
    return this.#sockets.holders(sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #find(operation: Operation, name: string): LiveInterface {
    const live = this.#interfaces.get(name);
    if (live === undefined) throw refusal(operation, 'ENODEV');
    return live;
  }

  #change(operation: Operation, name: string): LiveInterface {
    this.#permit(operation);
    return this.#find(operation, name);
  }

  #permit(operation: Operation): void {
    if (!this.#capabilities.netAdmin) throw refusal(operation, 'EPERM');
  }

  #hasTunnelBetween({local, remote}: GreTunnel): boolean {
    return [...this.#interfaces.values()].some(({tunnel}) => tunnel?.local === local && tunnel.remote === remote);
  }

  #isLocal(address: Ipv4): boolean {
    // All of 127.0.0.0/8 is local, but of any other subnet only the interface's own address.
    for (const {name, addresses} of this.#interfaces.values())
      if (addresses.some(own => (name === 'lo' ? contains(own, address) : own.address === address))) return true;
    return false;
  }

  #connect(live: LiveInterface): void {
    for (const address of live.addresses) this.#connectSubnet(live, address);
  }

  #connectSubnet(live: LiveInterface, address: InterfaceAddress): void {
    // A host address has no subnet, the loopback's is in the local table, and a second address in a subnet adds none.
    if (address.length === 32 || live.name === 'lo') return;
    const primary = live.addresses.find(other => samePrefix(networkOf(other), networkOf(address)));
    if (primary === address) this.#tables.append(connectedRoute(live, address));
  }

  #lower(live: LiveInterface): void {
    live.up = false;
    this.#dropRoutes(live);
  }

  #dropRoutes({name}: LiveInterface): void {
    this.#tables.removeWhere(route => route.interface === name);
  }

  /** Linux drops the main table's routes that prefer an address which is no longer local, and only that table's. */
  #forgetSource(address: Ipv4): void {
    if (this.#isLocal(address)) return;
    this.#tables.removeWhere(({table, source}) => table === routeTable.main && source === address);
  }

  #eachRoute(operation: Operation, routes: readonly Route[], change: (route: Route) => string | undefined) {
    return routes.flatMap(route => {
      const errno = this.#capabilities.netAdmin ? change(route) : 'EPERM';
      return errno === undefined ? [] : [{route, error: refusal(operation, errno)}];
    });
  }

  /** The errno with which the kernel refuses the route. */
  #objection({destination, gateway, source, interface: name}: Route): string | undefined {
    const live = this.#interfaces.get(name);
    if (live === undefined) return 'ENODEV';
    if (hasHostBits(destination)) return 'EINVAL';
    if (gateway === undefined && !live.up) return 'ENETDOWN';
    const onLink = (route: Route) => route.interface === name && reaches(route, gateway ?? destination.address);
    if (gateway !== undefined && this.#tables.lookup(routeTable.main, gateway, onLink) === undefined)
      return 'ENETUNREACH';
    if (source !== undefined && !this.#isLocal(source)) return 'EINVAL';
    return undefined;
  }
}

const connectedRoute = ({name}: LiveInterface, address: InterfaceAddress): Route => ({
  destination: networkOf(address),
  table: routeTable.main,
  protocol: routeProtocol.kernel,
  source: address.address,
  interface: name,
});
