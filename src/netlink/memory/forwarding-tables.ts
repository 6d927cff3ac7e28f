import {contains, type Ipv4, ipv4, netmask} from '../../ip/ipv4.js';
import type {Route} from '../netlinker.js';

/** The routes of one destination: more than one where interfaces share a subnet. */
type Entry = Route[];

/** The kernel's forwarding tables, small: by table, prefix length and network, so that 100,000 routes stay cheap. */
export class ForwardingTables {
  readonly #tables = new Map<number, Map<number, Map<Ipv4, Entry>>>();

  *[Symbol.iterator](): Generator<Route> {
    for (const lengths of this.#tables.values())
      for (const networks of lengths.values()) for (const entry of networks.values()) yield* entry;
  }

  /** Takes the place of the first route with the same destination, or of none. */
  replace(route: Route): void {
    this.#entry(route)[0] = route;
  }

  /** Stands beside other routes with the same destination. */
  append(route: Route): void {
    this.#entry(route).push(route);
  }

  /** Whether a route was there that equals the given one in every field that it gives. */
  remove(wanted: Route): boolean {
    const entry = this.#find(wanted);
    const index = entry?.findIndex(route => equalsIn(route, wanted)) ?? -1;
    if (entry === undefined || index < 0) return false;
    entry.splice(index, 1);
    if (entry.length === 0) this.#drop(wanted);
    return true;
  }

  removeWhere(condemned: (route: Route) => boolean): void {
    for (const route of [...this].filter(condemned)) this.remove(route);
  }

  /** The longest prefix of the table that contains the destination, among the routes that are acceptable. */
  lookup(table: number, destination: Ipv4, acceptable: (route: Route) => boolean = () => true): Route | undefined {
    const lengths = this.#tables.get(table);
    for (const length of [...(lengths?.keys() ?? [])].sort((a, b) => b - a)) {
      const found = lengths
        ?.get(length)
        ?.get(ipv4(destination & netmask(length)))
        ?.find(acceptable);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #find({table, destination}: Route): Entry | undefined {
    return this.#tables.get(table)?.get(destination.length)?.get(destination.address);
  }

  #drop({table, destination}: Route): void {
    const lengths = this.#tables.get(table);
    const networks = lengths?.get(destination.length);
    networks?.delete(destination.address);
    if (networks?.size === 0) lengths?.delete(destination.length);
  }

  #entry({table, destination}: Route): Entry {
    const lengths = getOrAdd(this.#tables, table, () => new Map<number, Map<Ipv4, Entry>>());
    const networks = getOrAdd(lengths, destination.length, () => new Map<Ipv4, Entry>());
    return getOrAdd(networks, destination.address, () => []);
  }
}

const equalsIn = (route: Route, wanted: Route): boolean =>
  route.interface === wanted.interface &&
  route.protocol === wanted.protocol &&
  (wanted.gateway === undefined || route.gateway === wanted.gateway) &&
  (wanted.source === undefined || route.source === wanted.source);

/** Packets to this gateway leave directly: the kernel wants a route for it that has no gateway itself. */
export const reaches = (route: Route, gateway: Ipv4): boolean =>
  route.gateway === undefined && contains(route.destination, gateway);

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
