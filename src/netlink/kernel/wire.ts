import {endianness} from 'node:os';
import {formatMessage} from 'netlink';

/** Netlink speaks the byte order of the host, except for addresses. */
export const littleEndian = endianness() === 'LE';

/** Bytes of struct nlmsghdr. */
export const headerLength = 16;

/** NLM_F_* as far as they are used here. */
export const flag = {
  request: 0x1,
  ack: 0x4,
  /** Of an answer: what was dumped changed meanwhile. */
  dumpInterrupted: 0x10,
  replace: 0x100,
  exclusive: 0x200,
  dump: 0x300,
  create: 0x400,
} as const;

/** NLMSG_*: the types that concern the exchange itself. */
export const control = {error: 2, done: 3} as const;

/** RTM_*, and SOCK_* of NETLINK_SOCK_DIAG. */
export const messageType = {
  linkNew: 16,
  linkDelete: 17,
  linkGet: 18,
  addressNew: 20,
  addressDelete: 21,
  addressGet: 22,
  routeNew: 24,
  routeDelete: 25,
  routeGet: 26,
  ruleNew: 32,
  ruleDelete: 33,
  ruleGet: 34,
  socketGet: 20,
  socketDestroy: 21,
} as const;

export const familyInet = 2;
export const familyInet6 = 10;

/** One message; the channel fills in the sequence number. */
export const message = (type: number, flags: number, payload: Uint8Array | Uint8Array[]): Uint8Array =>
  Buffer.concat(formatMessage({type, flags: flags | flag.request, seq: 0, port: 0, data: payload}));

/** Attributes and messages are padded to four bytes. */
export const align = (length: number): number => (length + 3) & ~3;

/** Where each message of a datagram begins. Stops at the first that is cut short. */
export function* messageOffsets(view: DataView): Generator<number> {
  for (let offset = 0; offset + headerLength <= view.byteLength; ) {
    const length = view.getUint32(offset, littleEndian);
    if (length < headerLength || offset + length > view.byteLength) return;
    yield offset;
    offset += align(length);
  }
}
