import {AttrStream, rt} from 'netlink';
import {type Ipv4, ipv4} from '../../ip/ipv4.js';
import {addressBytes} from './addresses.js';
import {familyInet, headerLength, message, messageType} from './wire.js';

/** What the kernel would do with a packet, the interface by its index. */
export interface Resolution {
  readonly source?: Ipv4 | undefined;
  readonly gateway?: Ipv4 | undefined;
  readonly interface: number;
}

/** Asks without RTM_F_FIB_MATCH: the answer is then the very decision, source address included, and not the route behind it. */
export function resolveRoute(destination: Ipv4, source: Ipv4 | undefined): Uint8Array {
  const out = new AttrStream();
  const data = {family: familyInet, dstLen: 32, srcLen: source === undefined ? 0 : 32};
  const src = source === undefined ? {} : {src: addressBytes(source)};
  rt.formatRouteMessage({kind: 'route', data, attrs: {dst: addressBytes(destination), ...src}}, out);
  return message(messageType.routeGet, 0, out.bufs);
}

/** The answer, from its header on. */
export function decodeResolution(datagram: Buffer): Resolution {
  const {prefsrc, src, gateway, oif = 0} = rt.parseRouteMessage(datagram.subarray(headerLength)).attrs;
  // A source that was asked for comes back as it was asked, and not as a preference.
  return {source: read(prefsrc ?? src), gateway: read(gateway), interface: oif};
}

const read = (bytes: Buffer | undefined): Ipv4 | undefined => bytes && ipv4(bytes.readUInt32BE());
