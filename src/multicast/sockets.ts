import type {Ipv4} from '../ip/ipv4.js';
import type {Ipv4Datagram} from './ipv4-datagram.js';

/**
 * - `not-permitted`: this process may not have such a socket
 * - `missing`: the interface or the address is not there, or no longer
 * - `unsupported`: this installation has no way to open raw sockets
 * - `other`: any other errno
 */
export type SocketErrorKind = 'not-permitted' | 'missing' | 'unsupported' | 'other';

/** A socket that could not be had, or a datagram that could not be sent. */
export class SocketError extends Error {
  override readonly name = 'SocketError';

  constructor(
    /** The system call that was refused. */
    readonly operation: string,
    readonly kind: SocketErrorKind,
    /** The errno's name, for example `EPERM`; empty where no system call was made. */
    readonly errno: string,
    options: ErrorOptions & {readonly message?: string} = {},
  ) {
    super(options.message ?? `${operation}: ${errno}`, options);
  }
}

/** The error itself. One of any other kind is a fault of the program, and is thrown. */
export function asSocketError(error: unknown): SocketError {
  if (error instanceof SocketError) return error;
  throw error;
}

export interface PimSocketOptions {
  /** Name of the interface: all that is sent leaves by it, and nothing that comes by another one is heard. */
  readonly interface: string;
  readonly index: number;
  /** Address that everything is sent from: one of the interface's. */
  readonly source: Ipv4;
  /** What to hear: what is sent to ALL-PIM-ROUTERS, or else what is sent to `source`; never both, nor anything else. */
  readonly hearsAllRouters: boolean;
  /** Called with each PIM datagram heard, never before the socket was handed over. */
  readonly onDatagram: (datagram: Ipv4Datagram) => void;
}

/** Speaks PIM (IP protocol 103) on one interface. */
export interface PimSocket {
  /** Hands a message to the network, or throws `SocketError`: it never waits. A multicast one is not heard by its sender. */
  send(message: Uint8Array, destination: Ipv4, ttl: number): void;
  /** Nothing is heard from now on, and nothing can be sent. Idempotent. */
  close(): void;
}

export interface HeartbeatSocketOptions {
  /** Address that heartbeats are sent from: the publisher's DoubleZero IP. */
  readonly source: Ipv4;
  /** Address of the interface they leave by: the local overlay, which no other interface has. */
  readonly egress: Ipv4;
}

/** Sends heartbeats: UDP to port 5765, TTL 32, not looped back to this host. */
export interface HeartbeatSocket {
  /** Resolves when the datagram is on its way. Rejects with `SocketError`. */
  send(group: Ipv4): Promise<void>;
  /** Resolves when the socket is closed. Idempotent. */
  close(): Promise<void>;
}

/** Where the senders get their sockets. Everything fails with a `SocketError`. */
export interface MulticastSockets {
  openPim(options: PimSocketOptions): Promise<PimSocket>;
  openHeartbeat(options: HeartbeatSocketOptions): Promise<HeartbeatSocket>;
}
