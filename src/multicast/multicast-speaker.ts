import type {Ipv4} from '../ip/ipv4.js';

/** What a subscriber tells the device by PIM. */
export interface PimConfig {
  /** Local overlay: where Hellos and joins come from. */
  readonly localAddress: Ipv4;
  /** Remote overlay: the device, the only neighbor there is. */
  readonly peerAddress: Ipv4;
  /** Rendezvous point, the root of the trees that are joined. */
  readonly rp: Ipv4;
  /** Groups subscribed to. */
  readonly groups: readonly Ipv4[];
}

/** What a publisher tells the rendezvous point. */
export interface RegisterConfig {
  /** Local overlay: where Registers come from, and Register-Stops go to. */
  readonly localAddress: Ipv4;
  readonly rp: Ipv4;
  /** DoubleZero IP: what the published streams come from. */
  readonly source: Ipv4;
  /** Groups published to. */
  readonly groups: readonly Ipv4[];
}

/** What a publisher sends in its groups to keep them alive. */
export interface HeartbeatConfig {
  /** Local overlay, which names the interface. */
  readonly localAddress: Ipv4;
  readonly source: Ipv4;
  readonly groups: readonly Ipv4[];
}

/** One thing that is sent on a tunnel again and again, while its link is up. A tunnel is named by its interface. */
export interface Sender<Config> {
  /**
   * Sends by this config from now on: starts, or goes over to it, of which only the groups may differ. Resolves without
   * waiting for the network. A datagram that cannot be sent is no failure: it is tried again, and the status tells. Fails
   * with `SocketError` where there is no interface, or no socket on it to be had; nothing has started then.
   */
  apply(tunnel: string, config: Config): Promise<void>;
  /**
   * Resolves when the last has been sent and the socket is closed; that takes a fraction of a second. Fails with
   * `SocketError` where something should have been said and could not be; it has ended all the same. Idempotent.
   */
  stop(tunnel: string): Promise<void>;
}

/** What is sent on a tunnel, by the names of the senders. */
export interface SenderConfigs {
  readonly pim: PimConfig;
  readonly register: RegisterConfig;
  readonly heartbeat: HeartbeatConfig;
}

export type Senders = {readonly [Name in keyof SenderConfigs]: Sender<SenderConfigs[Name]>};

export interface NeighborStatus {
  readonly address: Ipv4;
  /** `expired`: nothing was heard for its hold time, or it said goodbye. */
  readonly state: 'up' | 'expired';
  /** When that began. */
  readonly since: Date;
  readonly lastHeard: Date;
  /** When it expires if nothing more is heard; absent for one that is expired, or never does. */
  readonly expires?: Date | undefined;
  readonly generationId?: number | undefined;
}

/** Messages, counted since the tunnel's first sender was started. */
export interface MulticastCounters {
  readonly hellosSent: number;
  readonly hellosReceived: number;
  /** Join/Prune messages that join; one may name many groups. */
  readonly joinsSent: number;
  readonly prunesSent: number;
  readonly registersSent: number;
  /** From the rendezvous point, about a group of ours: the only evidence that it hears the Registers. */
  readonly registerStopsReceived: number;
  readonly heartbeatsSent: number;
  readonly sendErrors: number;
  /** PIM messages that no use is made of: Joins, Asserts, and what comes from anybody but the device. */
  readonly ignored: number;
  /** PIM messages that could not be understood. */
  readonly malformed: number;
}

export interface MulticastStatus {
  /** Absent until it is first heard, and for a tunnel that only publishes. */
  readonly neighbor?: NeighborStatus | undefined;
  /** Our own. Absent while there are no Hellos. */
  readonly generationId?: number | undefined;
  readonly lastJoin?: Date | undefined;
  readonly counters: MulticastCounters;
  /** What could last not be sent, in words; stays when it could be later. Empty if there was nothing. */
  readonly lastSendError: string;
  readonly lastSendErrorTime?: Date | undefined;
  /** Why the device does not know what we subscribe to: the last Hello or Join could not be sent. Empty if they could. */
  readonly fault: string;
}

/** The multicast side of a tunnel: what it says beside the traffic itself, so that the network carries its groups. */
export interface MulticastSpeaker extends AsyncDisposable, Senders {
  /** Straight from memory, the same object until it changes; `undefined` for a tunnel on which nothing is sent. */
  status(tunnel: string): MulticastStatus | undefined;
  /** Calls back with the tunnel's name when its neighbor comes, goes or restarts; the result ends that. */
  onNeighborChange(listener: (tunnel: string) => void): () => void;
}
