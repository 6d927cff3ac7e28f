import {formatPrefix} from '../ip/ipv4.js';
import type {Netlinker} from '../netlink/netlinker.js';
import {isOurRule, isSameAddress, type KernelState, routeIdentity, withoutRules} from './kernel-state.js';
import {ownLink} from './tunnel-steps.js';

/** In what the kernel falls short of the state wanted, in words. The device being down is not its business. */
export async function findDrift(netlinker: Netlinker, wanted: KernelState): Promise<string[]> {
  const {device} = wanted;
  const link = await ownLink(netlinker, device);
  if (!link) return [`interface ${device.name} is gone`];
  const found = [
    ...(link.mtu === device.mtu ? [] : [`interface ${device.name} has MTU ${link.mtu}`]),
    ...(await missingAddresses(netlinker, wanted)),
    ...(await ruleDrift(netlinker, wanted)),
  ];
  // A device that is down has no routes.
  return link.adminUp ? [...found, ...(await missingRoutes(netlinker, wanted))] : found;
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

async function missingRoutes(netlinker: Netlinker, {device, routes}: KernelState): Promise<string[]> {
  if (routes.length === 0) return [];
  const protocols = new Set(routes.map(({protocol}) => protocol));
  const present = new Set<string>();
  for (const protocol of protocols) {
    for (const route of await netlinker.routes({interface: device.name, protocol})) present.add(routeIdentity(route));
  }
  return routes
    .filter(route => !present.has(routeIdentity(route)))
    .map(({destination}) => `route to ${formatPrefix(destination)} is missing`);
}
