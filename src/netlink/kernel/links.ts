import {endianness} from 'node:os';
import {AttrStream, ifla, rt} from 'netlink';
import {ipv4} from '../../ip/ipv4.js';
import type {GreTunnel, Link} from '../netlinker.js';
import {flag, headerLength, message, messageType} from './wire.js';

/** RFC 2863 states in the order of IF_OPER_*. */
const operStates = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

/** GRE_VERSION in network byte order: bits that no kernel accepts on creation (RFC 2784 §2.1, RFC 2890 §2). */
const impossibleGreFlags = networkOrder16(0x0007);

/** The package hands addresses over as they lie in memory. */
const networkOrder32 = (value: number): number =>
  endianness() === 'BE' ? value : Buffer.from(Uint32Array.of(value).buffer).readUInt32BE();

function networkOrder16(value: number): number {
  return endianness() === 'BE' ? value : ((value & 0xff) << 8) | (value >>> 8);
}

function linkMessage(type: number, flags: number, data: rt.Link, attrs: ifla.LinkAttrs): Uint8Array {
  const out = new AttrStream();
  rt.formatLinkMessage({kind: 'link', data, attrs}, out);
  return message(type, flags, out.bufs);
}

function encoded(data: ReturnType<typeof ifla.formatGre>): Buffer {
  const out = new AttrStream();
  out.emit(data);
  return Buffer.concat(out.bufs);
}

const greInfo = (gre: ifla.Gre) => encoded(ifla.formatInfo({kind: 'gre', data: encoded(ifla.formatGre(gre))}));

export const createTunnel = ({name, local, remote, ttl, mtu}: GreTunnel): Uint8Array =>
  linkMessage(
    messageType.linkNew,
    flag.create | flag.exclusive,
    {},
    {
      ifname: name,
      mtu,
      linkinfo: greInfo({local: networkOrder32(local), remote: networkOrder32(remote), ttl, pmtudisc: 0}),
    },
  );

/**
 * Asks for a GRE device that cannot be. The kernel checks, in this order, whether the caller may create any (EPERM),
 * whether it knows the kind (EOPNOTSUPP) and the device's flags (EINVAL), so its answer tells and nothing comes of it.
 */
export const probeGre = (): Uint8Array =>
  linkMessage(messageType.linkNew, flag.create | flag.exclusive, {}, {linkinfo: greInfo({iflags: impossibleGreFlags})});

export const setMtu = (name: string, mtu: number): Uint8Array =>
  linkMessage(messageType.linkNew, 0, {}, {ifname: name, mtu});

export const setUp = (name: string, up: boolean): Uint8Array =>
  linkMessage(messageType.linkNew, 0, {flags: up ? {up: true} : {}, change: {up: true}}, {ifname: name});

export const deleteLink = (name: string): Uint8Array => linkMessage(messageType.linkDelete, 0, {}, {ifname: name});

export const getLink = (name: string): Uint8Array => linkMessage(messageType.linkGet, 0, {}, {ifname: name});

export const getLinkAt = (index: number): Uint8Array => linkMessage(messageType.linkGet, 0, {index}, {});

/** The parts of an RTM_NEWLINK message, from its header on. */
export function decodeLink(datagram: Buffer): Link {
  const {data, attrs} = rt.parseLinkMessage(datagram.subarray(headerLength));
  const {stats64: counted, linkinfo, ifname: name = '', mtu = 0, operstate = 0} = attrs;
  const info: ifla.Info = linkinfo === undefined ? {} : ifla.parseInfo(linkinfo);
  return {
    index: data.index ?? 0,
    name,
    kind: info.kind,
    tunnel: info.kind === 'gre' && info.data !== undefined ? tunnelOf(name, mtu, ifla.parseGre(info.data)) : undefined,
    mtu,
    adminUp: data.flags?.up === true,
    operState: operStates[operstate] ?? 'unknown',
    statistics: {
      rxBytes: counted?.rxBytes ?? 0n,
      txBytes: counted?.txBytes ?? 0n,
      rxPackets: counted?.rxPackets ?? 0n,
      txPackets: counted?.txPackets ?? 0n,
      rxErrors: counted?.rxErrors ?? 0n,
      txErrors: counted?.txErrors ?? 0n,
    },
  };
}

/** `undefined` where the device is anything that a `GreTunnel` cannot say. */
function tunnelOf(name: string, mtu: number, gre: ifla.Gre): GreTunnel | undefined {
  const {local = 0, remote = 0, ttl = 0} = gre;
  const others = [
    gre.link,
    gre.iflags,
    gre.oflags,
    gre.ikey,
    gre.okey,
    gre.tos,
    gre.pmtudisc,
    gre.fwmark,
    gre.ignoreDf,
  ];
  if ([...others, gre.encapType].some(isSet) || gre.collectMetadata !== undefined) return undefined;
  return {name, local: ipv4(networkOrder32(local)), remote: ipv4(networkOrder32(remote)), ttl, mtu};
}

const isSet = (value: number | Buffer | undefined): boolean =>
  typeof value === 'number' ? value !== 0 : (value?.some(byte => byte !== 0) ?? false);
