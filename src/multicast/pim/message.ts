import {ipv4} from '../../ip/ipv4.js';
import {internetChecksum} from '../checksum.js';
import {Reader} from './octets.js';
import {PimError} from './pim-error.js';

/** IP protocol number of PIM. */
export const pimProtocol = 103;
/** 224.0.0.13, the group of all PIM routers on a link. */
export const allPimRouters = ipv4(0xe000000d);

/** Message types (RFC 7761 §4.9) that this program sends or reads. */
export const pimType = {hello: 0, register: 1, registerStop: 2, joinPrune: 3} as const;

const version = 2;
/** Octets of version and type, reserved, checksum. */
const headerLength = 4;
/** RFC 7761 §4.9: of a Register only the header and the flags word are covered, and not the datagram it carries. */
const registerCovered = 8;

/** A message whose header was found to be sound. */
export interface PimMessage {
  readonly type: number;
  /** What follows the header. */
  readonly body: Uint8Array;
}

/** Puts the header before a body. Reserved bits are 0. */
export function encodeMessage(type: number, body: readonly number[] | Uint8Array): Uint8Array {
  const message = Uint8Array.of((version << 4) | type, 0, 0, 0, ...body);
  const covered = type === pimType.register ? message.subarray(0, registerCovered) : message;
  new DataView(message.buffer).setUint16(2, internetChecksum(covered));
  return message;
}

/** Checks version and checksum. Reserved bits are ignored. Throws `PimError`. */
export function decodeMessage(bytes: Uint8Array): PimMessage {
  const reader = new Reader(bytes);
  const first = reader.u8();
  if (first >>> 4 !== version) throw new PimError('version', `PIM version ${first >>> 4}`);
  reader.skip(headerLength - 1);
  const type = first & 0x0f;
  // Some senders cover the whole Register, and have to be understood (RFC 7761 §4.9.3).
  const isSound = [bytes, ...(type === pimType.register ? [bytes.subarray(0, registerCovered)] : [])].some(
    covered => internetChecksum(covered) === 0,
  );
  if (!isSound) throw new PimError('checksum', `wrong checksum in a message of type ${type}`);
  return {type, body: bytes.subarray(headerLength)};
}

/** The body of a message that has to be of this type. */
export function bodyOf(bytes: Uint8Array, expected: number): Uint8Array {
  const {type, body} = decodeMessage(bytes);
  if (type !== expected) throw new PimError('malformed', `a message of type ${type} where ${expected} is expected`);
  return body;
}
