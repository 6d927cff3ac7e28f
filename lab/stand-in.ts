import {AttrStream, ifla, Protocol, rt} from 'netlink';
import {Channel} from '../src/netlink/kernel/channel.js';
import {getLink} from '../src/netlink/kernel/links.js';
import {Requests} from '../src/netlink/kernel/requests.js';
import {flag, headerLength, message, messageType} from '../src/netlink/kernel/wire.js';
import {KernelNetlinker} from '../src/netlink/kernel.js';
import type {GreTunnel, Netlinker} from '../src/netlink/netlinker.js';
import {overriding} from './overriding.js';

export interface HostNetlinker {
  readonly netlinker: Netlinker;
  /** The kernel has no GRE, and tunnels are ends of veth pairs. */
  readonly standsIn: boolean;
}

/**
 * This host's kernel. Where it has no GRE, veth stands in for it: the device, its addresses, routes and rules are the
 * kernel's all the same, and both sides of a comparison pay for them. Only the attributes that veth does not have,
 * the endpoints and the TTL, are answered from memory; a next process finds them in the device's alias. `always`: where
 * there is GRE as well.
 */
export async function openHostNetlinker({always = false} = {}): Promise<HostNetlinker> {
  const kernel = await KernelNetlinker.open();
  if ((await kernel.capabilities()).gre && !always) return {netlinker: kernel, standsIn: false};
  return {netlinker: withVeth(kernel), standsIn: true};
}

function withVeth(kernel: Netlinker): Netlinker {
  /** By index: another program may put a device of its own under the name. */
  const tunnels = new Map<number, GreTunnel>();
  const channel = new Channel(Protocol.ROUTE);
  const requests = new Requests(channel, channel);
  return overriding(kernel, {
    capabilities: async () => ({...(await kernel.capabilities()), gre: true}),
    async tunnelAdd(tunnel) {
      await requests.change('tunnelAdd', createVeth(tunnel));
      await requests.change('tunnelAdd', setAlias(tunnel));
      const link = await kernel.link(tunnel.name);
      if (link) tunnels.set(link.index, tunnel);
    },
    async link(name) {
      const link = await kernel.link(name);
      if (link?.kind !== 'veth') return link;
      const tunnel = tunnels.get(link.index) ?? (await requests.ask('link', getLink(name), decodeAlias)).tunnel;
      if (!tunnel) return link;
      tunnels.set(link.index, tunnel);
      return {...link, kind: 'gre', tunnel: {...tunnel, mtu: link.mtu}};
    },
    async [Symbol.asyncDispose]() {
      requests[Symbol.dispose]();
      await kernel[Symbol.asyncDispose]();
    },
  });
}

/** One end; the kernel makes and names the other. */
function createVeth({name, mtu}: GreTunnel): Uint8Array {
  const info = new AttrStream();
  info.emit(ifla.formatInfo({kind: 'veth'}));
  const link = new AttrStream();
  const attrs = {ifname: name, mtu, linkinfo: Buffer.concat(info.bufs)};
  rt.formatLinkMessage({kind: 'link', data: {}, attrs}, link);
  return message(messageType.linkNew, flag.create | flag.exclusive, link.bufs);
}

function setAlias({name, local, remote, ttl, mtu}: GreTunnel): Uint8Array {
  const link = new AttrStream();
  const attrs = {ifname: name, ifalias: JSON.stringify({name, local, remote, ttl, mtu})};
  rt.formatLinkMessage({kind: 'link', data: {}, attrs}, link);
  return message(messageType.linkNew, 0, link.bufs);
}

/** Nothing for a device of somebody else. */
function decodeAlias(datagram: Buffer): {readonly tunnel?: GreTunnel} {
  const {ifalias} = rt.parseLinkMessage(datagram.subarray(headerLength)).attrs;
  return ifalias === undefined ? {} : {tunnel: JSON.parse(ifalias)};
}
