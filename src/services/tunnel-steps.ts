import {formatIpv4} from '../ip/ipv4.js';
import {
  type GreTunnel,
  type InterfaceAddress,
  type Link,
  NetlinkError,
  type Netlinker,
  type Route,
} from '../netlink/netlinker.js';
import {isSameAddress} from './kernel-state.js';
import {ignoreMissing, type Step, type Undo} from './step.js';

/** There is an interface of the tunnel's name that this program did not make. */
export class InterfaceConflict extends Error {
  override readonly name = 'InterfaceConflict';

  constructor(
    readonly interfaceName: string,
    readonly found: string,
  ) {
    super(`interface ${interfaceName} exists and is not ours: ${found}; remove or rename it first`);
  }
}

/** Same endpoints and TTL. The MTU is no part of a device's identity: it can be set on a running one. */
export const isSameTunnel = (found: GreTunnel | undefined, wanted: GreTunnel): boolean =>
  found?.local === wanted.local && found.remote === wanted.remote && found.ttl === wanted.ttl;

/** What an interface is that is not ours, in words. */
export function describe({kind, tunnel}: Link): string {
  if (!tunnel) return kind ? `of kind ${kind}` : 'of another kind';
  return `GRE local ${formatIpv4(tunnel.local)} remote ${formatIpv4(tunnel.remote)} ttl ${tunnel.ttl}`;
}

/** The tunnel's own device; `undefined` where there is none, or one that is somebody else's. */
export const ownLink = async (netlinker: Netlinker, tunnel: GreTunnel): Promise<Link | undefined> =>
  ifOwn(await netlinker.link(tunnel.name), tunnel);

export const ifOwn = (link: Link | undefined, tunnel: GreTunnel): Link | undefined =>
  isSameTunnel(link?.tunnel, tunnel) ? link : undefined;

/** What a setup finds of a former run; filled in by its first step for those after it. */
export interface FormerRun {
  /** The interface that has the tunnel's name already. */
  link?: Link | undefined;
  /** The device is up and has all its addresses: whoever sends to them has noticed nothing. */
  survived: boolean;
  /** What is wanted and there already: it is left alone. */
  addresses: readonly InterfaceAddress[];
  routes: readonly Route[];
}

export const noFormerRun = (): FormerRun => ({survived: false, addresses: [], routes: []});

/** Creates the device, or adopts one that is exactly what would be created: recreating it would cost its users packets. */
export const tunnelAdd = (netlinker: Netlinker, tunnel: GreTunnel, former: FormerRun): Step => ({
  step: 'tunnel_add',
  async run() {
    const {link} = former;
    if (!link) {
      await netlinker.tunnelAdd(tunnel);
      return () => ignoreMissing(netlinker.tunnelDelete(tunnel.name));
    }
    if (!isSameTunnel(link.tunnel, tunnel)) throw new InterfaceConflict(tunnel.name, describe(link));
    if (link.mtu === tunnel.mtu) return undefined;
    await netlinker.tunnelSetMtu(tunnel.name, tunnel.mtu);
    return () => netlinker.tunnelSetMtu(tunnel.name, link.mtu);
  },
});

export const tunnelUp = (netlinker: Netlinker, name: string, former: FormerRun): Step => ({
  step: 'tunnel_up',
  async run() {
    if (former.link?.adminUp) return undefined;
    await netlinker.tunnelUp(name);
    return () => ignoreMissing(netlinker.tunnelDown(name));
  },
});

export const addressAdd = (netlinker: Netlinker, name: string, address: InterfaceAddress, former: FormerRun): Step => ({
  step: 'address_add',
  async run() {
    if (former.addresses.some(present => isSameAddress(present, address))) return undefined;
    try {
      await netlinker.addressAdd(name, address);
    } catch (error) {
      if (error instanceof NetlinkError && error.kind === 'exists') return undefined;
      throw error;
    }
    return () => ignoreMissing(netlinker.addressDelete(name, address));
  },
});

/** Lowers the device so that sends on it fail at once. Somebody else's device of that name is left alone. */
export const tunnelDown = (netlinker: Netlinker, tunnel: GreTunnel): Step => ({
  step: 'tunnel_down',
  advisory: true,
  run: () => onOwnLink(netlinker, tunnel, name => netlinker.tunnelDown(name)),
});

export const tunnelDelete = (netlinker: Netlinker, tunnel: GreTunnel): Step => ({
  step: 'tunnel_delete',
  run: () => onOwnLink(netlinker, tunnel, name => netlinker.tunnelDelete(name)),
});

/**
 * Deletes a device that nobody wants any more, whatever its endpoints: one that is as this program makes them, and has an
 * overlay address.
 */
export const strayTunnelDelete = (netlinker: Netlinker, name: string, ttl: number): Step => ({
  step: 'stray_tunnel_delete',
  async run() {
    const tunnel = (await netlinker.link(name))?.tunnel;
    if (tunnel?.ttl !== ttl) return undefined;
    const addresses = await netlinker.addresses(name);
    if (!addresses.some(({length, scope}) => length === 31 && scope === 'link')) return undefined;
    await ignoreMissing(netlinker.tunnelDown(name));
    await ignoreMissing(netlinker.tunnelDelete(name));
    return undefined;
  },
});

async function onOwnLink(
  netlinker: Netlinker,
  tunnel: GreTunnel,
  work: (name: string) => Promise<void>,
): Promise<Undo | undefined> {
  if (await ownLink(netlinker, tunnel)) await ignoreMissing(work(tunnel.name));
  return undefined;
}
