import {connect, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {formatIpv4, type Ipv4} from '../ip/ipv4.js';

export interface ConnectionOptions {
  readonly localAddress: Ipv4;
  readonly peerAddress: Ipv4;
  readonly port: number;
}

export interface ConnectionListener {
  connected(): void;
  received(chunk: Uint8Array): void;
  /** Not called after `close`. */
  failed(reason: string): void;
}

/** Milliseconds that a NOTIFICATION gets to leave before the socket is closed by force. */
const closingTime = 1000;

/**
 * Milliseconds of silence after which TCP asks whether the peer is still there, until it has spoken. Only its OPEN starts a
 * hold time that means something; before that a peer whose interface was made anew meanwhile would be waited for for
 * four minutes (RFC 4271 §8.2.2, "a large value"), though its kernel knows nothing of the connection any more.
 */
const silence = 5000;

/** Octets sent that the peer has not taken. It may ask for its routes faster than it reads them. */
const unreadLimit = 1 << 20;

/** One TCP connection to the peer, opened by us. */
export class Connection {
  readonly #socket: Socket;
  readonly #peer: string;
  #listener: ConnectionListener | undefined;
  #error: NodeJS.ErrnoException | undefined;

  constructor({localAddress, peerAddress, port}: ConnectionOptions, listener: ConnectionListener) {
    this.#listener = listener;
    this.#peer = `${formatIpv4(peerAddress)}:${port}`;
    this.#socket = connect({
      host: formatIpv4(peerAddress),
      localAddress: formatIpv4(localAddress),
      port,
      noDelay: true,
    });
    this.#socket.on('connect', () => {
      this.#socket.setKeepAlive(true, silence);
      this.#listener?.connected();
    });
    this.#socket.once('data', () => this.#socket.setKeepAlive(false));
    this.#socket.on('data', chunk => this.#receive(chunk));
    this.#socket.on('error', error => {
      this.#error = error;
    });
    this.#socket.on('close', () => this.#listener?.failed(this.#reason()));
  }

  send(message: Uint8Array): void {
    if (!this.#socket.writable) return;
    this.#socket.write(message);
    if (this.#socket.writableLength > unreadLimit)
      this.#socket.destroy(new Error('the peer does not read what is sent'));
  }

  /** Closes after what was sent has gone out, or by force after a second. Nothing is heard of it any more. */
  async close(): Promise<void> {
    this.#listener = undefined;
    if (this.#socket.closed) return;
    // Not `once` of node:events: that rejects where the peer resets the connection meanwhile, which is as good as closing.
    const closed = new Promise<void>(resolve => this.#socket.once('close', () => resolve()));
    if (this.#socket.connecting) {
      this.#socket.destroy();
    } else {
      this.#socket.end();
      // Nothing more is read, and without this an end that comes after unread data would never be seen.
      this.#socket.resume();
    }
    const timeout = new AbortController();
    await Promise.race([closed, delay(closingTime, undefined, {signal: timeout.signal}).catch(() => undefined)]);
    timeout.abort();
    this.#socket.destroy();
  }

  /** One chunk a turn of the event loop: a peer with a full table must not keep timers and other peers waiting. */
  #receive(chunk: Uint8Array): void {
    if (!this.#listener) return;
    this.#socket.pause();
    setImmediate(() => this.#socket.resume());
    this.#listener.received(chunk);
  }

  #reason(): string {
    const error = this.#error;
    if (!error) return `${this.#peer} closed the connection`;
    const words = causes[error.code ?? ''] ?? error.message;
    return `${this.#peer}: ${words}${error.code ? ` (${error.code})` : ''}`;
  }
}

const causes: Partial<Record<string, string>> = {
  ECONNREFUSED: 'the peer refuses connections',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer closed the connection',
  ETIMEDOUT: 'the peer does not answer',
  EHOSTUNREACH: 'the peer cannot be reached',
  ENETUNREACH: 'there is no route to the peer',
  ENETDOWN: 'the tunnel interface is down',
  EADDRNOTAVAIL: 'the local address is not on this host',
};
