import {formatPrefix} from '../ip/ipv4.js';
import {NetlinkError, type Netlinker} from '../netlink/netlinker.js';
import {isOurRule, isSameAddress, type KernelState, routeIdentity, withoutRules} from './kernel-state.js';
import {describe, isSameTunnel, ownLink} from './tunnel-steps.js';

/** What is said of a device that is down and shall not be. */
export const setDown = (device: string): string => `interface ${device} was set down by somebody else`;

/** In what the kernel falls short of the state wanted, in words, but for routes. */
export async function findDrift(netlinker: Netlinker, wanted: KernelState): Promise<string[]> {
  const {device} = wanted;
  const link = await netlinker.link(device.name);
  if (!link) return [`interface ${device.name} is gone`];
  if (!isSameTunnel(link.tunnel, device)) return [`interface ${device.name} is not ours any more: ${describe(link)}`];
  return [
    ...(link.adminUp ? [] : [setDown(device.name)]),
    ...(link.mtu === device.mtu ? [] : [`interface ${device.name} has MTU ${link.mtu}`]),
    ...(await missingAddresses(netlinker, wanted)),
    ...(await ruleDrift(netlinker, wanted)),
    ...(link.adminUp ? await missingConnectedRoute(netlinker, wanted) : []),
  ];
}

/** Which of the routes wanted are missing, in words; reads whole tables. A device that is down has no routes. */
export async function findMissingRoutes(netlinker: Netlinker, wanted: KernelState): Promise<string[]> {
  if (wanted.routes.length === 0) return [];
  const link = await ownLink(netlinker, wanted.device);
  return link?.adminUp ? missingRoutes(netlinker, wanted) : [];
}

async function missingAddresses(netlinker: Netlinker, {device, addresses}: KernelState): Promise<string[]> {
  const present = await netlinker.addresses(device.name);
  return addresses
    .filter(address => !present.some(other => isSameAddress(address, other)))
    .map(address => `address ${formatPrefix(address)} is missing`);
}

async function ruleDrift(netlinker: Netlinker, {rules}: KernelState): Promise<string[]> {
  if (!rules) return [];
  const present = (await netlinker.rules()).filter(isOurRule);
  return withoutRules(rules, present).map(({priority, source, destination}) => {
    const selector = [source && `from ${formatPrefix(source)}`, destination && `to ${formatPrefix(destination)}`];
    return `rule ${priority} ${selector.filter(Boolean).join(' ')} is missing`;
  });
}

/** Asked for by a lookup, which costs nothing, unlike reading a table. */
async function missingConnectedRoute(netlinker: Netlinker, {connectedRoute, peer}: KernelState): Promise<string[]> {
  const missing = [`route to ${formatPrefix(connectedRoute.destination)} is missing`];
  try {
    const {interface: device, gateway} = await netlinker.routeGet(peer);
    return device === connectedRoute.interface && gateway === undefined ? [] : missing;
  } catch (error) {
    if (error instanceof NetlinkError && error.kind === 'missing') return missing;
    throw error;
  }
}

async function missingRoutes(netlinker: Netlinker, {device, routes}: KernelState): Promise<string[]> {
  const protocols = new Set(routes.map(({protocol}) => protocol));
  const present = new Set<string>();
  for (const protocol of protocols) {
    for (const route of await netlinker.routes({interface: device.name, protocol})) present.add(routeIdentity(route));
  }
  return routes
    .filter(route => !present.has(routeIdentity(route)))
    .map(({destination}) => `route to ${formatPrefix(destination)} is missing`);
}
