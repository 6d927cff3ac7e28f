import {Protocol} from 'netlink';
import type {Ipv4} from '../ip/ipv4.js';
import type {HostSocket, SocketHolder} from './host-socket.js';
import {addAddress, decodeAddress, deleteAddress, dumpAddresses} from './kernel/addresses.js';
import {probeCapabilities} from './kernel/capabilities.js';
import {Channel} from './kernel/channel.js';
import {Interfaces} from './kernel/interfaces.js';
import {createTunnel, deleteLink, setMtu, setUp} from './kernel/links.js';
import {Requests} from './kernel/requests.js';
import {decodeResolution, resolveRoute} from './kernel/resolution.js';
import {Routes} from './kernel/routes.js';
import {addRule, decodeRule, deleteRule, dumpRules} from './kernel/rules.js';
import {findSocketHolders} from './kernel/socket-holders.js';
import {Sockets} from './kernel/sockets.js';
import type {
  Capabilities,
  GreTunnel,
  InterfaceAddress,
  Link,
  Netlinker,
  ResolvedRoute,
  Route,
  RouteFilter,
  RouteRefusal,
  Rule,
} from './netlinker.js';
import {refusal} from './refusal.js';
import {ruleEquals} from './rule-selectors.js';

/** Bytes of a dump to take at once. Larger pieces keep other work waiting for longer without being faster. */
const dumpReadSize = 16_384;

/** The real thing: this host's kernel, in the network namespace that the process was in when it was opened. */
export class KernelNetlinker implements Netlinker {
  readonly #requests: Requests;
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #sockets = new Sockets();

  private constructor(requests: Requests) {
    this.#requests = requests;
    this.#interfaces = new Interfaces(requests);
    this.#routes = new Routes(requests, this.#interfaces);
  }

  /** Rejects where the kernel gives no netlink socket. */
  static async open(): Promise<KernelNetlinker> {
    const requests = new Channel(Protocol.ROUTE);
    try {
      return new KernelNetlinker(new Requests(requests, new Channel(Protocol.ROUTE, {readSize: dumpReadSize})));
    } catch (error) {
      requests[Symbol.dispose]();
      throw error;
    }
  }

  capabilities(): Promise<Capabilities> {
    return probeCapabilities(this.#requests, this.#sockets);
  }

  link(name: string): Promise<Link | undefined> {
    return this.#interfaces.find('link', name);
  }

  tunnelAdd(tunnel: GreTunnel): Promise<void> {
    return this.#requests.change('tunnelAdd', createTunnel(tunnel));
  }

  tunnelSetMtu(name: string, mtu: number): Promise<void> {
    return this.#requests.change('tunnelSetMtu', setMtu(name, mtu));
  }

  tunnelUp(name: string): Promise<void> {
    return this.#requests.change('tunnelUp', setUp(name, true));
  }

  tunnelDown(name: string): Promise<void> {
    return this.#requests.change('tunnelDown', setUp(name, false));
  }

  tunnelDelete(name: string): Promise<void> {
    return this.#requests.change('tunnelDelete', deleteLink(name));
  }

  async addresses(name: string): Promise<InterfaceAddress[]> {
    const index = await this.#interfaces.index('addresses', name);
    const all = await this.#requests.list('addresses', dumpAddresses(), decodeAddress);
    return all.filter(own => own.interface === index).map(own => own.address);
  }

  async addressAdd(name: string, address: InterfaceAddress): Promise<void> {
    const index = await this.#interfaces.index('addressAdd', name);
    await this.#requests.change('addressAdd', addAddress(index, address));
  }

  async addressDelete(name: string, address: InterfaceAddress): Promise<void> {
    const index = await this.#interfaces.index('addressDelete', name);
    await this.#requests.change('addressDelete', deleteAddress(index, address));
  }

  async addressOwners(address: Ipv4): Promise<string[]> {
    const all = await this.#requests.list('addressOwners', dumpAddresses(), decodeAddress);
    const owners = new Set(all.filter(own => own.address.address === address).map(own => own.interface));
    const names = await Promise.all([...owners].map(index => this.#interfaces.name('addressOwners', index)));
    return names.filter(name => name !== undefined); // without those that are gone by now
  }

  rules(): Promise<Rule[]> {
    return this.#requests.list('rules', dumpRules(), decodeRule);
  }

  ruleAdd(rule: Rule): Promise<void> {
    return this.#requests.change('ruleAdd', addRule(rule));
  }

  async ruleDelete(rule: Rule): Promise<void> {
    // The kernel takes an absent selector for "any" and would delete a rule that has one.
    const present = await this.#requests.list('ruleDelete', dumpRules(), decodeRule);
    if (!present.some(candidate => ruleEquals(candidate, rule))) throw refusal('ruleDelete', 'ENOENT');
    await this.#requests.change('ruleDelete', deleteRule(rule));
  }

  routes(filter: RouteFilter = {}): Promise<Route[]> {
    return this.#routes.list(filter);
  }

  routesReplace(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#routes.replace(routes);
  }

  routesDelete(routes: readonly Route[]): Promise<RouteRefusal[]> {
    return this.#routes.delete(routes);
  }

  async routeGet(destination: Ipv4, source?: Ipv4): Promise<ResolvedRoute> {
    const {interface: index, ...hop} = await this.#requests.ask(
      'routeGet',
      resolveRoute(destination, source),
      decodeResolution,
    );
    const name = await this.#interfaces.name('routeGet', index);
    if (name === undefined) throw refusal('routeGet', 'ENODEV');
    return {...hop, interface: name};
  }

  sockets(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    return this.#sockets.list(addresses);
  }

  socketsAbort(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    return this.#sockets.abort(addresses);
  }

  socketHolders(sockets: readonly HostSocket[]): Promise<SocketHolder[]> {
    return findSocketHolders(sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sockets[Symbol.dispose]();
    this.#requests[Symbol.dispose]();
  }
}
