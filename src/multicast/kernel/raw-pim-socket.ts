import {endianness} from 'node:os';
import type {Ipv4} from '../../ip/ipv4.js';
import type {Libc} from '../../libc/libc.js';
import {decodeIpv4Datagram, encodeIpv4Datagram} from '../ipv4-datagram.js';
import {allPimRouters, pimProtocol} from '../pim/message.js';
import type {PimSocket, PimSocketOptions} from '../sockets.js';
import {SocketError} from '../sockets.js';
import {lastError} from './socket-calls.js';

// linux/socket.h, asm-generic/socket.h, linux/in.h
const afInet = 2;
const [sockRaw, sockNonblock, sockCloexec] = [3, 0o4000, 0o2000000];
const [solSocket, soBindToDevice] = [1, 25];
const ipproto = 0;
const option = {headerIncluded: 3, multicastInterface: 32, multicastLoop: 34, addMembership: 35, multicastAll: 49};

/**
 * Milliseconds between two looks for what has arrived. Node.js cannot be told to wait for a descriptor that it has not
 * opened itself: `net.Socket` takes only streams, `dgram` only UDP, and a blocking read would hold one of the four threads
 * that all file access shares. Looking costs 1 µs, and nothing here is urgent: a Hello lives for 105 s.
 */
const pollPeriod = 200;
/** Datagrams taken at one look, so that a flood of them cannot keep the daemon busy; the kernel drops the others. */
const pollBatch = 64;
/** Octets: nothing that a device has to say to us is longer. */
const receiveSize = 9216;

const littleEndian = endianness() === 'LE';

function native32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, littleEndian);
  return bytes;
}

function network32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** struct sockaddr_in */
function socketAddress(address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, afInet, littleEndian);
  view.setUint32(4, address);
  return bytes;
}

/** struct ip_mreqn */
const membership = (group: Ipv4 | 0, local: Ipv4, index: number): Uint8Array =>
  Uint8Array.of(...network32(group), ...network32(local), ...native32(index));

/**
 * A raw socket bound to its device, so that a Register needs no route to the rendezvous point and never leaves in the
 * clear. The IP headers are our own, since only so source and TTL are each datagram's, and DF is clear.
 */
export class RawPimSocket implements PimSocket {
  readonly #libc: Libc;
  readonly #options: PimSocketOptions;
  readonly #buffer = new Uint8Array(receiveSize);
  readonly #timer: NodeJS.Timeout;
  #fd: number | undefined;

  /** Throws `SocketError`. */
  constructor(libc: Libc, options: PimSocketOptions) {
    this.#libc = libc;
    this.#options = options;
    const fd = libc.socket(afInet, sockRaw | sockNonblock | sockCloexec, pimProtocol);
    if (fd < 0) throw lastError(libc, 'socket');
    try {
      this.#configure(fd, options);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
    this.#fd = fd;
    this.#timer = setInterval(() => this.#poll(), pollPeriod);
  }

  send(message: Uint8Array, destination: Ipv4, ttl: number): void {
    if (this.#fd === undefined) throw new SocketError('sendto', 'other', 'EBADF');
    const {source} = this.#options;
    const datagram = encodeIpv4Datagram({source, destination, ttl, protocol: pimProtocol, payload: message});
    const to = socketAddress(destination);
    if (this.#libc.sendto(this.#fd, datagram, datagram.length, 0, to, to.length) < 0) {
      throw lastError(this.#libc, 'sendto');
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    clearInterval(this.#timer);
    this.#libc.close(this.#fd);
    this.#fd = undefined;
  }

  #configure(fd: number, {interface: device, index, source, hearsAllRouters}: PimSocketOptions): void {
    const set = (level: number, name: number, value: Uint8Array) => {
      if (this.#libc.setsockopt(fd, level, name, value, value.length) < 0) throw lastError(this.#libc, 'setsockopt');
    };
    set(solSocket, soBindToDevice, Buffer.from(`${device}\0`));
    set(ipproto, option.headerIncluded, native32(1));
    set(ipproto, option.multicastInterface, membership(0, source, index));
    set(ipproto, option.multicastLoop, native32(0));
    // Without this a socket hears all groups that any program of this host has joined.
    set(ipproto, option.multicastAll, native32(0));
    if (hearsAllRouters) set(ipproto, option.addMembership, membership(allPimRouters, source, index));
  }

  #poll(): void {
    const {source, hearsAllRouters, onDatagram} = this.#options;
    // Each raw socket on the device gets a copy of all PIM for this host, also of the answers to another one's messages.
    const heard = hearsAllRouters ? allPimRouters : source;
    for (let count = 0; count < pollBatch && this.#fd !== undefined; count++) {
      const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      // Mostly EAGAIN. An error of the socket itself (ENETDOWN) is cleared by having been read.
      if (length < 0) return;
      const datagram = decodeIpv4Datagram(this.#buffer.slice(0, length));
      if (datagram?.protocol === pimProtocol && datagram.destination === heard) onDatagram(datagram);
    }
  }
}
