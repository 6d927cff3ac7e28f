import type {Ipv4, Ipv4Prefix} from '../ip/ipv4.js';
import type {HostSocket, SocketHolder} from './host-socket.js';

/** A GRE device as doublezerod makes it: no keys, checksums or sequence numbers, and no path-MTU discovery. */
export interface GreTunnel {
  readonly name: string;
  /** Underlay source. */
  readonly local: Ipv4;
  /** Underlay destination. */
  readonly remote: Ipv4;
  /** TTL of the outer packets, 1 to 255. */
  readonly ttl: number;
  /** Bytes. */
  readonly mtu: number;
}

/** rtnetlink's RT_SCOPE_*, by the names of `ip address`, but `universe` for what `ip` prints as global. */
export type AddressScope = 'universe' | 'site' | 'link' | 'host' | 'nowhere';

export interface InterfaceAddress extends Ipv4Prefix {
  readonly scope: AddressScope;
}

/** What is common to policy rules. An absent selector matches everything. */
interface RuleSelectors {
  readonly priority: number;
  readonly source?: Ipv4Prefix | undefined;
  readonly destination?: Ipv4Prefix | undefined;
  /** RTPROT_*: who made it. */
  readonly protocol: number;
}

/** Packets that match are looked up in `table`. */
export interface LookupRule extends RuleSelectors {
  readonly action?: undefined;
  readonly table: number;
}

/** Packets that match go nowhere; a program that sends one is told ENETUNREACH. */
export interface UnreachableRule extends RuleSelectors {
  readonly action: 'unreachable';
  readonly table?: undefined;
}

/** A policy rule. */
export type Rule = LookupRule | UnreachableRule;

/** A unicast route. */
export interface Route {
  readonly destination: Ipv4Prefix;
  readonly table: number;
  /** RTPROT_*: who made it. */
  readonly protocol: number;
  readonly gateway?: Ipv4 | undefined;
  /** Preferred source address (RTA_PREFSRC): has to be local when the route is added. */
  readonly source?: Ipv4 | undefined;
  /** Name of the outgoing interface. */
  readonly interface: string;
}

/** A route the kernel refused, alone out of its batch. */
export interface RouteRefusal {
  readonly route: Route;
  readonly error: NetlinkError;
}

/** What the kernel would do with a packet to some destination. */
export interface ResolvedRoute {
  /** Absent where the kernel has no address to send from. */
  readonly source?: Ipv4 | undefined;
  /** Absent where the destination is on the link itself. */
  readonly gateway?: Ipv4 | undefined;
  readonly interface: string;
}

export interface LinkStatistics {
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, for example `gre`; absent for devices without one. */
  readonly kind?: string | undefined;
  /** Set where the kind is `gre` and nothing about it differs from what `GreTunnel` can say (keys, checksums, …). */
  readonly tunnel?: GreTunnel | undefined;
  /** Bytes. */
  readonly mtu: number;
  /** IFF_UP. */
  readonly adminUp: boolean;
  /** RFC 2863 operational state in the words of `ip link`: `up`, `down`, `unknown`, … */
  readonly operState: string;
  readonly statistics: LinkStatistics;
}

export interface Capabilities {
  /** The process may change the network: CAP_NET_ADMIN in the namespace it runs in. */
  readonly netAdmin: boolean;
  /** The kernel can make GRE devices (module ip_gre). Unknown, and so false, without `netAdmin`. */
  readonly gre: boolean;
  /** The kernel can abort other programs' sockets (CONFIG_INET_DIAG_DESTROY). */
  readonly socketAbort: boolean;
}

/** Selects routes by all the fields given. */
export type RouteFilter = Partial<Pick<Route, 'table' | 'protocol' | 'gateway' | 'interface'>>;

/**
 * What this program may ask of the host's network stack, and nothing more. Only IPv4.
 *
 * Every method rejects with a `NetlinkError` that says which operation failed and why; the contract test
 * (`test/contract/netlinker.ts`) holds every implementation to the promises made here.
 */
export interface Netlinker extends AsyncDisposable {
  /** Changes nothing, except that Linux may load a module to answer. */
  capabilities(): Promise<Capabilities>;

  /** `undefined` where there is no interface of that name. */
  link(name: string): Promise<Link | undefined>;
  /** Creates the GRE device, down. Fails with `exists` when the name, or the same pair of endpoints, is taken. */
  tunnelAdd(tunnel: GreTunnel): Promise<void>;
  /** Fails with `missing`. */
  tunnelSetMtu(name: string, mtu: number): Promise<void>;
  /** Idempotent. Fails with `missing`. */
  tunnelUp(name: string): Promise<void>;
  /** Routes through the device are gone when this resolves; its addresses stay. Idempotent. Fails with `missing`. */
  tunnelDown(name: string): Promise<void>;
  /** Fails with `missing`. Linux deletes a raised device too: the order is the caller's to keep. */
  tunnelDelete(name: string): Promise<void>;

  /** Fails with `missing` where there is no such interface. */
  addresses(name: string): Promise<InterfaceAddress[]>;
  /** Fails with `exists` when the interface has the address already, `missing` where there is no such interface. */
  addressAdd(name: string, address: InterfaceAddress): Promise<void>;
  /** Fails with `missing` where the interface or the address is not there. */
  addressDelete(name: string, address: InterfaceAddress): Promise<void>;
  /** Names of the interfaces that have the address, with whatever prefix length, raised or not. */
  addressOwners(address: Ipv4): Promise<string[]>;

  /** The host's rules in the order of their priorities, but not those that do or ask for more than a `Rule` can say. */
  rules(): Promise<Rule[]>;
  /** Fails with `exists`. */
  ruleAdd(rule: Rule): Promise<void>;
  /** Deletes the rule that equals the given one, absent selectors included. Fails with `missing`. */
  ruleDelete(rule: Rule): Promise<void>;

  /** The host's unicast routes with one IPv4 next hop; cached and local ones are left out. */
  routes(filter?: RouteFilter): Promise<Route[]>;
  /**
   * Adds routes in order, replacing those with the same destination in the same table. Resolves to the refused ones, in
   * order too.
   */
  routesReplace(routes: readonly Route[]): Promise<RouteRefusal[]>;
  /**
   * Deletes the routes that match in every field given. Resolves to the refused ones: `missing` for a route
   * that is not there.
   */
  routesDelete(routes: readonly Route[]): Promise<RouteRefusal[]>;
  /**
   * The route the kernel would use, for a packet from `source` if given, which has to be local. Fails with `missing`
   * where it has none, or a rule makes the destination unreachable.
   */
  routeGet(destination: Ipv4, source?: Ipv4): Promise<ResolvedRoute>;

  /**
   * TCP and UDP sockets of other programs that have one of the addresses as their local one. Not those bound to all
   * addresses, 0.0.0.0 selects none of them, and no TCP connection that only waits for its time to pass (TIME_WAIT).
   */
  sockets(addresses: readonly Ipv4[]): Promise<HostSocket[]>;
  /**
   * Aborts the sockets that `sockets` lists: their programs hear ECONNABORTED, from accept EINVAL, and the peers of TCP
   * get a reset where a route leads to them. Resolves to those aborted; one that closed meanwhile is not among them. A UDP socket stays
   * bound and can be used again, without its peer. Goes by address alone: whether an address belongs to this program
   * is for the caller to know (`addressOwners`). Fails with `unsupported` where the kernel cannot, sockets or not.
   */
  socketsAbort(addresses: readonly Ipv4[]): Promise<HostSocket[]>;
  /**
   * The processes that hold the sockets, in the order of their ids. The search is bounded in time and sees what this
   * process may see, so processes can be missing: a report, not a promise.
   */
  socketHolders(sockets: readonly HostSocket[]): Promise<SocketHolder[]>;
}

/** Names of the operations, as errors and logs report them. */
export type Operation = Exclude<keyof Netlinker, symbol>;

/**
 * - `exists`: what was to be added is there already
 * - `missing`: what was to be changed, deleted or read is not there
 * - `unsupported`: this kernel cannot do it
 * - `not-permitted`: this process may not do it
 * - `other`: any other errno
 */
export type NetlinkErrorKind = 'exists' | 'missing' | 'unsupported' | 'not-permitted' | 'other';

/** A refusal by the kernel. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';

  constructor(
    readonly operation: Operation,
    readonly kind: NetlinkErrorKind,
    /** The errno's name, for example `EEXIST`. */
    readonly errno: string,
    options?: ErrorOptions,
  ) {
    super(`${operation}: ${errno}`, options);
  }
}

/** RTPROT_* values this program uses. */
export const routeProtocol = {kernel: 2, boot: 3, static: 4, bgp: 186} as const;

/** RT_TABLE_* values and the two tables of edge filtering. */
export const routeTable = {main: 254, edgeFilteringInbound: 100, edgeFilteringOutbound: 101} as const;
