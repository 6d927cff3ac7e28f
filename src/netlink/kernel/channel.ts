import {RawNetlinkSocket, type RawNetlinkSocketOptions} from 'netlink';
import {errnoName} from '../refusal.js';
import {Exchange, type Outcome, type Visit} from './exchange.js';
import {messageOffsets} from './wire.js';

export interface ChannelOptions {
  /** Milliseconds without an answer after which a request fails with ETIMEDOUT. */
  readonly timeout?: number;
  /**
   * Bytes to receive into at once; dumps come in pieces of this size. Without it each answer is measured first, which
   * suits short ones.
   */
  readonly readSize?: number;
  /** Bytes of receive buffer to ask for; the kernel grants up to twice net.core.rmem_max. */
  readonly receiveBuffer?: number;
}

/** The exchange itself failed: the kernel may or may not have done what was asked. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';

  constructor(
    /** For example `ETIMEDOUT`, or `ECANCELED` where the channel was closed. */
    readonly errno: string,
    options?: ErrorOptions,
  ) {
    super(`netlink exchange failed: ${errno}`, options);
  }
}

const largestBatch = 256; // more in one send gains nothing

/**
 * What a refusal occupies in the receive buffer, rounded up. The kernel charges the whole allocation: 768 to 960 bytes
 * were seen for the messages sent here.
 */
const refusalCost = 1280;

const wantedBuffer = 1 << 20;

/**
 * Requests and answers over one netlink socket, one exchange at a time, others queued behind it.
 *
 * The `netlink` package aborts the process when a receive buffer overflows, when a callback throws, and when a socket is
 * closed from within one. None of that can happen here: the socket is in no group, so only answers to the exchange under
 * way can be in the buffer, and `batchLimit` refusals fit; its callbacks do no more than parse, under a `try`; and
 * whoever waits for an exchange goes on in an immediate.
 */
export class Channel implements Disposable {
  readonly #protocol: number;
  readonly #timeout: number;
  readonly #options: RawNetlinkSocketOptions;
  readonly #waiting: Exchange[] = [];
  #socket: RawNetlinkSocket | undefined;
  #current: Exchange | undefined;
  #settling = false;
  #closed = false;
  #nextSequence = 1;

  /** Bytes granted for answers that nobody read yet. */
  readonly receiveBuffer: number;

  /** How many messages one exchange may carry. */
  readonly batchLimit: number;

  /** Throws where the kernel refuses the socket. */
  constructor(protocol: number, {timeout = 5000, readSize, receiveBuffer = wantedBuffer}: ChannelOptions = {}) {
    this.#protocol = protocol;
    this.#timeout = timeout;
    const reading = readSize === undefined ? {} : {messagePeeking: false, msgBufferSize: readSize};
    this.#options = {recvBufferSize: receiveBuffer, sendBufferSize: wantedBuffer, ...reading};
    this.#socket = this.#open();
    this.receiveBuffer = this.#socket.getRecvBufferSize();
    this.batchLimit = Math.max(1, Math.min(largestBatch, Math.floor(this.receiveBuffer / refusalCost) - 1));
  }

  /**
   * Sends up to `batchLimit` messages in one buffer and resolves to what was refused, when the kernel is through with
   * the last. `visit` gets the other answers as they come. Rejects with a `ChannelError`, or with what `visit` throws.
   * The buffer belongs to the channel until then.
   */
  send(messages: Uint8Array, visit?: Visit): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new ChannelError('ECANCELED'));
    return new Promise((resolve, reject) => {
      this.#waiting.push(new Exchange(messages, {visit, resolve, reject}));
      this.#next();
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#abandonSocket();
    for (const exchange of [this.#current, ...this.#waiting]) exchange?.fail(new ChannelError('ECANCELED'));
    this.#current = undefined;
    this.#waiting.length = 0;
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const exchange = this.#waiting.shift();
    if (exchange === undefined) return;
    this.#current = exchange;
    try {
      this.#nextSequence = exchange.stamp(this.#nextSequence);
      exchange.timer = setTimeout(() => this.#expire(exchange), this.#timeout);
      this.#socket ??= this.#open();
      const socket = this.#socket;
      socket.send(exchange.messages, undefined, error => {
        if (error !== undefined) this.#break(error, socket);
      });
    } catch (error) {
      this.#break(error);
    }
  }

  #open(): RawNetlinkSocket {
    const socket = new RawNetlinkSocket(this.#protocol, this.#options);
    socket.on('message', (datagram, {port}) => {
      if (port === 0 && socket === this.#socket) this.#receive(datagram); // 0 is the kernel; nobody else has a say
    });
    socket.on('truncatedMessage', () => this.#break(new ChannelError('EMSGSIZE'), socket));
    socket.on('error', error => this.#break(error, socket));
    return socket;
  }

  #receive(datagram: Buffer): void {
    const exchange = this.#current;
    if (exchange === undefined || this.#settling) return;
    try {
      exchange.timer?.refresh();
      const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
      for (const offset of messageOffsets(view)) exchange.accept(view, offset);
      if (exchange.complete) this.#settle(() => exchange.succeed());
    } catch (error) {
      this.#break(error);
    }
  }

  /**
   * Ends the exchange outside the package's callbacks. It also means at most one exchange a turn of the event loop, so
   * bulk work never keeps others waiting for more than that.
   */
  #settle(deliver: () => void): void {
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      this.#current = undefined;
      deliver();
      this.#next();
    });
  }

  #expire(exchange: Exchange): void {
    // Timers run before sockets are read: after a long pause of the process the answer may be lying there.
    setImmediate(() => {
      if (this.#current === exchange) this.#break(new ChannelError('ETIMEDOUT'));
    });
  }

  /** Fails the exchange under way. Late answers to it must not fill the buffer of the next one: a new socket then. */
  #break(cause: unknown, socket = this.#socket): void {
    if (socket !== this.#socket) return;
    this.#abandonSocket();
    const exchange = this.#current;
    if (exchange !== undefined && !this.#settling) this.#settle(() => exchange.fail(channelError(cause)));
  }

  #abandonSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    setImmediate(() => socket?.close());
  }
}

function channelError(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('errno' in cause) || typeof cause.errno !== 'number') return cause;
  return new ChannelError(errnoName(Math.abs(cause.errno)), {cause});
}
