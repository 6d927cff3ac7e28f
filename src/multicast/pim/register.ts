import type {Ipv4} from '../../ip/ipv4.js';
import {encodeHeartbeatDatagram, heartbeatPort} from '../heartbeat-datagram.js';
import {bodyOf, encodeMessage, pimType} from './message.js';
import {Reader, u32} from './octets.js';

/** The Register of a source (RFC 7761 §4.9.3), which carries what its heartbeat sends. Neither border nor null. */
export const encodeRegister = (source: Ipv4, group: Ipv4): Uint8Array =>
  encodeMessage(pimType.register, [...u32(0), ...encodeHeartbeatDatagram({source, group, sourcePort: heartbeatPort})]);

export interface RegisterStop {
  readonly group: Ipv4;
  readonly source: Ipv4;
}

/** Reads what a rendezvous point answers to a Register (RFC 7761 §4.9.4). Throws `PimError`. */
export function decodeRegisterStop(bytes: Uint8Array): RegisterStop {
  const reader = new Reader(bodyOf(bytes, pimType.registerStop));
  return {group: reader.group(), source: reader.unicast()};
}
