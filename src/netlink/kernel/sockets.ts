import {randomInt} from 'node:crypto';
import {constants} from 'node:os';
import {Protocol} from 'netlink';
import {type Ipv4, isSpecified} from '../../ip/ipv4.js';
import type {HostSocket} from '../host-socket.js';
import {NetlinkError, type Operation} from '../netlinker.js';
import {errnoName, refusal} from '../refusal.js';
import {Channel} from './channel.js';
import {ownSocketInodes} from './own-sockets.js';
import {type Decode, Requests, refused} from './requests.js';
import {
  type DiagnosedSocket,
  decodeSocket,
  destroyNoSocket,
  destroySocket,
  dumpNoSockets,
  dumpSockets,
} from './socket-codec.js';
import {familyInet, familyInet6} from './wire.js';

/**
 * Bytes of a dump to take at once, and the kernel's own measure at most. Up to 32 times as many are read, two thousand
 * sockets, before others get their turn.
 */
const dumpReadSize = 8192;

/** Sockets to abort in one send: those of TCP send a reset meanwhile, and the event loop waits. */
const abortBatch = 32;

/** Tries for each member of a group of n: the chance that all of them miss is at most e to the power of minus 16. */
const triesPerMember = 16;

const {ENOENT} = constants.errno;

/**
 * Other programs' sockets, over NETLINK_SOCK_DIAG. TCP and UDP only: the kernel has no abort for UDP-Lite, and the one
 * for raw sockets goes without the cookie, so that it may hit one that is bound to no address.
 */
export class Sockets implements Disposable {
  #opened: Requests | undefined;
  #closed = false;

  /** Whether the kernel can abort sockets: asked to abort one that cannot exist, it answers ENOENT where it can. */
  async canAbort(operation: Operation): Promise<boolean> {
    try {
      // It also answers so where it cannot look at TCP sockets in the first place (no tcp_diag): listing none tells.
      await this.#dump(operation, dumpNoSockets(), () => undefined);
    } catch (error) {
      if (error instanceof NetlinkError && error.kind === 'unsupported') return false;
      throw error;
    }
    return (await this.#destroy(operation, [destroyNoSocket()])).get(0) === ENOENT;
  }

  async list(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    const {others} = await this.#find('sockets', addresses);
    return others.map(({socket}) => socket);
  }

  async abort(addresses: readonly Ipv4[]): Promise<HostSocket[]> {
    const operation = 'socketsAbort';
    if (!(await this.canAbort(operation))) throw refusal(operation, 'EOPNOTSUPP');
    const {all, others} = await this.#find(operation, addresses);
    const aborted: HostSocket[] = [];
    let failure: number | undefined;
    const size = Math.min(abortBatch, this.#requests(operation).channel.batchLimit);
    for (let start = 0; start < others.length; start += size) {
      const batch = others.slice(start, start + size);
      const errnos = await this.#destroy(
        operation,
        batch.map(found => destroySocket(found)),
      );
      for (const [index, found] of batch.entries()) {
        const errno = errnos.get(index);
        if (errno !== undefined && errno !== ENOENT) failure ??= errno;
        else if (errno === undefined || (await this.#abortInGroup(found, all))) aborted.push(found.socket);
      }
    }
    if (failure !== undefined) throw refused(operation, failure);
    return aborted;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#opened?.[Symbol.dispose]();
  }

  /**
   * Sockets that share an address and port (SO_REUSEPORT) are one group to the kernel, and a look-up finds that of them
   * on which a hash of both ends falls. They have no peer, so any may be given, until it falls on the right one.
   */
  async #abortInGroup(wanted: DiagnosedSocket, all: readonly DiagnosedSocket[]): Promise<boolean> {
    const members = all.filter(found => sharesPort(found.socket, wanted.socket)).length;
    if (members < 2) return false; // it closed meanwhile
    for (let tries = members * triesPerMember; tries > 0; tries--) {
      const errnos = await this.#destroy('socketsAbort', [destroySocket(wanted, randomInt(1, 65_536))]);
      if (errnos.size === 0) return true;
    }
    return false;
  }

  /** The errnos of those refused, by their place. */
  async #destroy(operation: Operation, messages: Uint8Array[]): Promise<Map<number, number>> {
    const requests = this.#requests(operation);
    const outcome = await requests.exchange(operation, requests.channel, Buffer.concat(messages));
    return new Map(outcome.refused.map(({index, errno}) => [index, errno]));
  }

  async #find(operation: Operation, addresses: readonly Ipv4[]) {
    const wanted = new Set(addresses.filter(isSpecified));
    const all: DiagnosedSocket[] = [];
    for (const protocol of wanted.size === 0 ? [] : (['tcp', 'udp'] as const))
      for (const family of [familyInet, familyInet6]) {
        const question = dumpSockets(protocol, family, [...wanted]);
        all.push(...(await this.#dump(operation, question, datagram => decodeSocket(protocol, wanted, datagram))));
      }
    // Only now: what this process opens from here on is not in the list.
    const own = await this.#ownInodes(operation);
    return {all, others: all.filter(({socket}) => !own.has(socket.inode))};
  }

  async #dump<T>(operation: Operation, question: Uint8Array, decode: Decode<T>) {
    try {
      return await this.#requests(operation).list(operation, question, decode);
    } catch (error) {
      // The kernel has no module for the protocol.
      if (error instanceof NetlinkError && error.errno === 'ENOENT')
        throw refusal(operation, 'EOPNOTSUPP', {cause: error});
      throw error;
    }
  }

  async #ownInodes(operation: Operation): Promise<ReadonlySet<number>> {
    try {
      return await ownSocketInodes();
    } catch (cause) {
      // Without /proc own sockets cannot be told from those of others, and must not be aborted by mistake.
      throw refusal(operation, 'EOPNOTSUPP', {cause});
    }
  }

  #requests(operation: Operation): Requests {
    if (this.#closed) throw refusal(operation, 'ECANCELED');
    if (this.#opened === undefined) {
      const channel = openChannel(operation);
      this.#opened = new Requests(channel, channel);
    }
    return this.#opened;
  }
}

function openChannel(operation: Operation): Channel {
  try {
    return new Channel(Protocol.SOCK_DIAG, {readSize: dumpReadSize});
  } catch (cause) {
    throw cause instanceof Error && 'errno' in cause && typeof cause.errno === 'number'
      ? refusal(operation, errnoName(Math.abs(cause.errno)), {cause})
      : cause;
  }
}

const sharesPort = (a: HostSocket, b: HostSocket): boolean =>
  a.protocol === b.protocol &&
  a.local.address === b.local.address &&
  a.local.port === b.local.port &&
  a.remote === undefined &&
  b.remote === undefined;
