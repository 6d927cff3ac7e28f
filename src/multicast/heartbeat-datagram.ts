import type {Ipv4} from '../ip/ipv4.js';
import {internetChecksum} from './checksum.js';
import {encodeIpv4Datagram} from './ipv4-datagram.js';

/** UDP port that heartbeats go to. */
export const heartbeatPort = 5765;
/** Hops: the TTL of the devices' own tunnels. */
export const heartbeatTtl = 32;
/** "DZ", version 1. */
export const heartbeatPayload = Uint8Array.of(0x44, 0x5a, 0, 1);

const udpProtocol = 17;
const udpHeaderLength = 8;

export interface HeartbeatDatagram {
  readonly source: Ipv4;
  readonly group: Ipv4;
  readonly sourcePort: number;
}

/** The datagram on the wire, identification 0. Only a Register carries it; heartbeats themselves the kernel puts together. */
export function encodeHeartbeatDatagram({source, group, sourcePort}: HeartbeatDatagram): Uint8Array {
  const length = udpHeaderLength + heartbeatPayload.length;
  const segment = new Uint8Array(length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, heartbeatPort);
  view.setUint16(4, length);
  segment.set(heartbeatPayload, udpHeaderLength);
  const pseudoHeader = new DataView(new ArrayBuffer(12)); // RFC 768
  pseudoHeader.setUint32(0, source);
  pseudoHeader.setUint32(4, group);
  pseudoHeader.setUint8(9, udpProtocol);
  pseudoHeader.setUint16(10, length);
  const checksum = internetChecksum(new Uint8Array(pseudoHeader.buffer), segment);
  view.setUint16(6, checksum === 0 ? 0xffff : checksum); // 0 would say that there is none
  return encodeIpv4Datagram({source, destination: group, ttl: heartbeatTtl, protocol: udpProtocol, payload: segment});
}
