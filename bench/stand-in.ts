import {AttrStream, ifla, Protocol, rt} from 'netlink';
import {Channel} from '../src/netlink/kernel/channel.js';
import {Requests} from '../src/netlink/kernel/requests.js';
import {flag, message, messageType} from '../src/netlink/kernel/wire.js';
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
 * the endpoints and the TTL, are answered from memory.
 */
export async function openHostNetlinker(): Promise<HostNetlinker> {
  const kernel = await KernelNetlinker.open();
  if ((await kernel.capabilities()).gre) return {netlinker: kernel, standsIn: false};
  return {netlinker: withVeth(kernel), standsIn: true};
}

function withVeth(kernel: Netlinker): Netlinker {
  const tunnels = new Map<string, GreTunnel>();
  const channel = new Channel(Protocol.ROUTE);
  const requests = new Requests(channel, channel);
  return overriding(kernel, {
    capabilities: async () => ({...(await kernel.capabilities()), gre: true}),
    async tunnelAdd(tunnel) {
      await requests.change('tunnelAdd', createVeth(tunnel));
      tunnels.set(tunnel.name, tunnel);
    },
    async link(name) {
      const [link, tunnel] = [await kernel.link(name), tunnels.get(name)];
      return link && tunnel && {...link, kind: 'gre', tunnel: {...tunnel, mtu: link.mtu}};
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
