import type {Ipv4} from '../ip/ipv4.js';

export interface SocketEndpoint {
  readonly address: Ipv4;
  readonly port: number;
}

/** A state of TCP, in the words of `ss`. UDP has two: `established` for a socket with a peer, `close` for one without. */
export type SocketState =
  | 'established'
  | 'syn-sent'
  | 'syn-recv'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close'
  | 'close-wait'
  | 'last-ack'
  | 'listen'
  | 'closing';

/** A socket of another program on this host, bound to an IPv4 address: also one of IPv6 that is bound to it mapped. */
export interface HostSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly local: SocketEndpoint;
  /** Absent for a listener, and for a UDP socket that is not connected. */
  readonly remote?: SocketEndpoint | undefined;
  readonly state: SocketState;
  /** User ID of who opened it. */
  readonly uid: number;
  /** By which the program's file descriptor is known; 0 where no program holds it: not accepted yet, or closed already. */
  readonly inode: number;
}

/** A process and those of the sockets asked for that it holds. */
export interface SocketHolder {
  readonly pid: number;
  /** The process's own name for itself (comm): at most 15 bytes. */
  readonly command: string;
  readonly sockets: readonly HostSocket[];
}
