import type {ExecutionContext} from 'ava';
import {formatIpv4, formatPrefix, type Ipv4, type Ipv4Prefix, parseIpv4, parsePrefix} from '../../../src/ip/ipv4.js';
import {
  type AddressScope,
  type GreTunnel,
  type InterfaceAddress,
  NetlinkError,
  type NetlinkErrorKind,
  type Netlinker,
  type Operation,
  type Route,
  type RouteFilter,
  type RouteRefusal,
  routeProtocol,
  routeTable,
} from '../../../src/netlink/netlinker.js';

/** Declares a test of one behaviour, in a world of its own: a host as `ordinaryHost` describes it. */
export type Holds = (behaviour: string, body: (t: ExecutionContext, netlinker: Netlinker) => Promise<void>) => void;

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

export function net(text: string): Ipv4Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new TypeError(`not a prefix: ${text}`);
  return prefix;
}

export const device = 'doublezero0';

export const tunnel: GreTunnel = {name: device, local: ip('192.0.2.1'), remote: ip('192.0.2.2'), ttl: 64, mtu: 1476};

export const address = (text: string, scope: AddressScope = 'universe'): InterfaceAddress => ({...net(text), scope});

/** The local end in the tunnel's /31. */
export const overlay = address('169.254.0.1/31', 'link');

/** An address that hosts behind the tunnel know this one by. */
export const allocated = address('10.99.0.1/32');

/** A route as BGP would learn it through the tunnel. */
export const route = (destination: string, changes: Partial<Route> = {}): Route => ({
  destination: net(destination),
  table: routeTable.main,
  protocol: routeProtocol.bgp,
  gateway: ip('169.254.0.0'),
  interface: device,
  ...changes,
});

/** A tunnel that is up and has both addresses. */
export async function raise(netlinker: Netlinker): Promise<void> {
  await netlinker.tunnelAdd(tunnel);
  await netlinker.addressAdd(device, overlay);
  await netlinker.tunnelUp(device);
  await netlinker.addressAdd(device, allocated);
}

export const addressesText = async (netlinker: Netlinker, name = device): Promise<string[]> =>
  (await netlinker.addresses(name)).map(own => `${formatPrefix(own)} ${own.scope}`).sort();

function routeText({destination, gateway, interface: name, table, protocol, source}: Route): string {
  const via = gateway === undefined ? '' : ` via ${formatIpv4(gateway)}`;
  const src = source === undefined ? '' : ` src ${formatIpv4(source)}`;
  return `${formatPrefix(destination)}${via} dev ${name} table ${table} proto ${protocol}${src}`;
}

/** The routes as sorted text: the order is the implementation's own. By default those of the tunnel. */
export const routesText = async (netlinker: Netlinker, filter: RouteFilter = {interface: device}): Promise<string[]> =>
  (await netlinker.routes(filter)).map(routeText).sort();

/** The refused routes, in the order reported. */
export const refusalsText = (refusals: readonly RouteRefusal[]): string[] =>
  refusals.map(({route: refused, error}) => `${formatPrefix(refused.destination)} ${error.kind} ${error.errno}`);

export async function refuses(
  t: ExecutionContext,
  attempt: Promise<unknown>,
  operation: Operation,
  kind: NetlinkErrorKind,
): Promise<void> {
  const error = await t.throwsAsync(attempt, {instanceOf: NetlinkError});
  t.like(error, {operation, kind});
}
