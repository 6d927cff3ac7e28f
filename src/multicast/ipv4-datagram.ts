import {type Ipv4, ipv4} from '../ip/ipv4.js';
import {internetChecksum} from './checksum.js';

export interface Ipv4Datagram {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  /** Hops. */
  readonly ttl: number;
  /** 17 UDP, 103 PIM. */
  readonly protocol: number;
  readonly payload: Uint8Array;
}

/** Octets of a header without options. */
export const ipv4HeaderLength = 20;
/** What an IPv4 total length can say. */
const longest = 0xffff;

/** A datagram without options: TOS, identification, flags and fragment offset all 0 (RFC 791 §3.1). */
export function encodeIpv4Datagram({source, destination, ttl, protocol, payload}: Ipv4Datagram): Uint8Array {
  const length = ipv4HeaderLength + payload.length;
  if (length > longest) throw new RangeError(`an IPv4 datagram of ${length} octets`);
  const datagram = new Uint8Array(length);
  const view = new DataView(datagram.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint8(8, ttl);
  view.setUint8(9, protocol);
  view.setUint32(12, source);
  view.setUint32(16, destination);
  view.setUint16(10, internetChecksum(datagram.subarray(0, ipv4HeaderLength)));
  datagram.set(payload, ipv4HeaderLength);
  return datagram;
}

/** Reads a datagram, options skipped; `undefined` for octets that are none. The kernel has checked it before. */
export function decodeIpv4Datagram(bytes: Uint8Array): Ipv4Datagram | undefined {
  if (bytes.length < ipv4HeaderLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = (view.getUint8(0) & 0x0f) * 4;
  const length = view.getUint16(2);
  const isSound = view.getUint8(0) >>> 4 === 4 && headerLength >= ipv4HeaderLength && length >= headerLength;
  if (!isSound || length > bytes.length) return undefined;
  return {
    source: ipv4(view.getUint32(12)),
    destination: ipv4(view.getUint32(16)),
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    payload: bytes.subarray(headerLength, length),
  };
}
