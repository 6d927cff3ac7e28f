import type {Ipv4, Ipv4Prefix} from '../ip/ipv4.js';

/** A BGP peer at the far end of a tunnel. */
export interface BgpPeer {
  /** Interface of the tunnel the session runs through. It names the peer, and routes are installed on it. */
  readonly tunnel: string;
  /** Local overlay: the session's source and the next hop of what is advertised. */
  readonly localAddress: Ipv4;
  /** Remote overlay: where the session goes and the gateway of what is installed. */
  readonly peerAddress: Ipv4;
  readonly localAsn: number;
  readonly peerAsn: number;
  /** NLRI advertised once the session is up: AS path = local ASN, next hop = local address. */
  readonly nlri: readonly Ipv4Prefix[];
  /** Preferred source of the installed routes. */
  readonly routeSource?: Ipv4 | undefined;
  /** Table the learned routes go to. */
  readonly table: number;
  /** Learned routes never touch the kernel. */
  readonly noInstall: boolean;
  /** Withdrawals and the loss of the session leave the kernel's routes alone. */
  readonly noUninstall: boolean;
  /**
   * The tunnel outlived a former run: its interface and routes are still in the kernel. The peer is told so, and keeps
   * what it learned from that run where it helps restarting peers (RFC 4724).
   */
  readonly resumed: boolean;
}

/**
 * - `pending`: the peer was added, nothing was heard of it yet
 * - `initializing`: its OPEN arrived
 * - `up`: Established
 * - `down`: the session, or its handshake, was closed
 * - `failed`: 30 s without a session though TCP came up
 * - `unreachable`: 30 s in which TCP never came up
 */
export type BgpSessionState = 'pending' | 'initializing' | 'down' | 'up' | 'failed' | 'unreachable';

export interface BgpSessionStatus {
  readonly state: BgpSessionState;
  /** When `state` or `lastError` last changed. */
  readonly lastUpdate: Date;
  readonly localAddress: Ipv4;
  readonly peerAddress: Ipv4;
  readonly localAsn: number;
  readonly peerAsn: number;
  /** Negotiated hold time in seconds; absent while there is no session. */
  readonly holdTime?: number | undefined;
  readonly routesReceived: number;
  /** More than were received where a former run left some, and where `noUninstall` keeps them. */
  readonly routesInstalled: number;
  /** The NOTIFICATION or socket error in words; empty when there was none. */
  readonly lastError: string;
  readonly establishedTime?: Date | undefined;
}

/** A route as the peer advertises it. */
export interface LearnedRoute {
  readonly prefix: Ipv4Prefix;
  readonly nextHop: Ipv4;
  /** Preferred source it is installed with. */
  readonly source?: Ipv4 | undefined;
  readonly table: number;
  /** Whether it is in the kernel. */
  readonly installed: boolean;
  /** AS numbers, nearest first; the members of sets and confederations among them. */
  readonly asPath: readonly number[];
}

/** Which routes to list: up to `limit`, in the order of address and length, after a prefix or from the first. */
export interface RoutePage {
  readonly after?: Ipv4Prefix | undefined;
  readonly limit: number;
}

/** The BGP side of a tunnel: one peer a tunnel, named by its interface. */
export interface BgpSpeaker extends AsyncDisposable {
  /** Starts to call the peer and resolves without waiting for it. Fails where the tunnel has a peer already. */
  addPeer(peer: BgpPeer): Promise<void>;
  /**
   * Ends the session with a Cease and flushes the peer's routes; the peer drops ours at once. Resolves when done; an
   * unknown peer is no error.
   */
  deletePeer(tunnel: string): Promise<void>;
  /** Straight from memory; `undefined` for an unknown peer. */
  session(tunnel: string): BgpSessionStatus | undefined;
  /** Straight from memory; empty for an unknown peer. */
  routes(tunnel: string, page: RoutePage): LearnedRoute[];
  /**
   * Compares the kernel with what was installed. Resolves to how many routes are missing: 0 where all are there, where
   * routes are just being installed, and for an unknown peer.
   */
  missingRoutes(tunnel: string): Promise<number>;
  /** Puts back what is missing. Resolves to how many routes that were, as `missingRoutes` counts them. */
  reinstallMissing(tunnel: string): Promise<number>;
  /** Calls back with the tunnel's name at each change of a session's status; the result ends that. */
  onSessionChange(listener: (tunnel: string) => void): () => void;
}
