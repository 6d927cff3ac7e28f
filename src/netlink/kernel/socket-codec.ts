import {type Ipv4, ipv4} from '../../ip/ipv4.js';
import type {HostSocket, SocketEndpoint, SocketState} from '../host-socket.js';
import {familyInet, familyInet6, flag, headerLength, littleEndian, message, messageType} from './wire.js';

/** IPPROTO_*. */
const socketProtocol = {tcp: 6, udp: 17} as const;

/** TCP_* of the kernel, but TIME_WAIT: no program has such a socket any more. */
const states = new Map<number, SocketState>([
  [1, 'established'],
  [2, 'syn-sent'],
  [3, 'syn-recv'],
  [4, 'fin-wait-1'],
  [5, 'fin-wait-2'],
  [7, 'close'],
  [8, 'close-wait'],
  [9, 'last-ack'],
  [10, 'listen'],
  [11, 'closing'],
  [12, 'syn-recv'], // TCP_NEW_SYN_RECV, a listener's half-open connection
]);

const stateMask = [...states.keys()].reduce((mask, state) => mask | (1 << state), 0);

/** Bytes of struct inet_diag_req_v2, of which struct inet_diag_sockid is the end. */
const requestLength = 56;
const identityLength = 48;
const identityOffset = requestLength - identityLength;

/** Bytes of struct inet_diag_msg, in which the identity comes after four single bytes. */
const answerLength = 72;

/** INET_DIAG_REQ_BYTECODE. */
const attributeBytecode = 1;

/** INET_DIAG_BC_*: codes of the kernel's filter language. */
const bytecode = {jump: 1, sourceCondition: 7} as const;

/** Bytes of struct inet_diag_bc_op, and of that with a struct inet_diag_hostcond for an IPv4 address behind it. */
const operationLength = 4;
const conditionLength = operationLength + 12;

/** A socket and by what the kernel knows it. */
export interface DiagnosedSocket {
  readonly socket: HostSocket;
  /** AF_INET, or AF_INET6 for a socket of IPv6 with an IPv4 address mapped. */
  readonly family: number;
  /** struct inet_diag_sockid: ports, addresses, device, cookie. */
  readonly identity: Uint8Array;
}

function request(protocol: HostSocket['protocol'], family: number): Buffer {
  const payload = Buffer.alloc(requestLength);
  payload[0] = family;
  payload[1] = socketProtocol[protocol];
  return payload;
}

/**
 * Asks for the sockets of a family that are bound to one of the addresses, in any state that a program can notice. At
 * least one address has to be given.
 */
export function dumpSockets(protocol: HostSocket['protocol'], family: number, addresses: readonly Ipv4[]): Uint8Array {
  const payload = request(protocol, family);
  new DataView(payload.buffer, payload.byteOffset).setUint32(4, stateMask, littleEndian);
  return message(messageType.socketGet, flag.dump, [payload, sourceFilter(addresses)]);
}

/** Asks for TCP sockets in none of the states: an empty list from a kernel that can list them. */
export const dumpNoSockets = (): Uint8Array => message(messageType.socketGet, flag.dump, request('tcp', familyInet));

/**
 * "Source is one of these", as a program for the kernel's filter. The process waits while the kernel passes over the
 * others, 20 ms for 100,000 of them; to be handed all and choose here takes five times that.
 *
 * A true condition goes on to the jump behind it, and so to the end, which means yes; a false one to what follows the
 * jump. Beyond the end by four means no.
 */
function sourceFilter(addresses: readonly Ipv4[]): Uint8Array {
  const stride = conditionLength + operationLength;
  const length = Math.max(0, addresses.length * stride - operationLength);
  const bytes = Buffer.alloc(operationLength + length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const operation = (at: number, code: number, yes: number, no: number) => {
    view.setUint8(at, code);
    view.setUint8(at + 1, yes);
    view.setUint16(at + 2, no, littleEndian);
  };
  operation(0, 0, 0, 0);
  view.setUint16(0, bytes.length, littleEndian);
  view.setUint16(2, attributeBytecode, littleEndian);
  for (const [index, address] of addresses.entries()) {
    const at = operationLength + index * stride;
    operation(at, bytecode.sourceCondition, conditionLength, stride);
    view.setUint8(at + 4, familyInet); // also matches the address mapped into IPv6
    view.setUint8(at + 5, 32); // bits to compare
    view.setInt32(at + 8, -1, littleEndian); // any port
    view.setUint32(at + 12, address);
    const jump = at + conditionLength;
    if (jump < bytes.length) operation(jump, bytecode.jump, operationLength, bytes.length - jump);
  }
  return bytes;
}

/** SOCK_DIAG_BY_FAMILY's answer, from its header on. `undefined` for a socket with another local address. */
export function decodeSocket(
  protocol: HostSocket['protocol'],
  wanted: ReadonlySet<Ipv4>,
  datagram: Buffer,
): DiagnosedSocket | undefined {
  const body = datagram.subarray(headerLength);
  if (body.length < answerLength) return undefined;
  const family = body.readUInt8(0);
  const state = states.get(body.readUInt8(1));
  const local = readAddress(body, family, 8);
  if (state === undefined || local === undefined || !wanted.has(local)) return undefined;
  const socket = {
    protocol,
    local: {address: local, port: body.readUInt16BE(4)},
    remote: remoteOf(body, family),
    state,
    uid: littleEndian ? body.readUInt32LE(64) : body.readUInt32BE(64),
    inode: littleEndian ? body.readUInt32LE(68) : body.readUInt32BE(68),
  };
  return {socket, family, identity: Uint8Array.from(body.subarray(4, 4 + identityLength))};
}

function remoteOf(body: Buffer, family: number): SocketEndpoint | undefined {
  const port = body.readUInt16BE(6);
  const address = readAddress(body, family, 24);
  return port === 0 || address === undefined ? undefined : {address, port};
}

/** Of the four words for an address, IPv4 has the first, and in IPv6 the last behind the prefix ::ffff:0:0/96. */
function readAddress(body: Buffer, family: number, at: number): Ipv4 | undefined {
  if (family === familyInet) return ipv4(body.readUInt32BE(at));
  const isMapped = body.readBigUInt64BE(at) === 0n && body.readUInt32BE(at + 8) === 0xffff;
  return family === familyInet6 && isMapped ? ipv4(body.readUInt32BE(at + 12)) : undefined;
}

/**
 * Asks to abort a socket. The kernel looks it up as it would for a packet from the peer, and what it finds has to have
 * the cookie of the identity. `peerPort` takes the place of the identity's own.
 */
export function destroySocket({socket, family, identity}: DiagnosedSocket, peerPort?: number): Uint8Array {
  const payload = request(socket.protocol, family);
  payload.set(identity, identityOffset);
  if (peerPort !== undefined) payload.writeUInt16BE(peerPort, identityOffset + 2);
  return message(messageType.socketDestroy, 0, payload);
}

/** Asks to abort a TCP socket that cannot exist: it has neither address nor port. */
export const destroyNoSocket = (): Uint8Array => message(messageType.socketDestroy, 0, request('tcp', familyInet));
