import type {Link} from '../netlink/netlinker.js';
import type {Activity, Sent} from './activity.js';
import type {Clock} from './clock.js';
import {asSocketError, type MulticastSockets, type SocketError} from './sockets.js';

/** One life of a sender: from the link's coming up to its going down, on one socket. */
export interface Transmission<Config> {
  /** Goes over to other groups. Never waits for the network. */
  change(config: Config): void;
  /** Says goodbye, where the protocol has a way to. Rejects with `SocketError` where it could not be said at all. */
  farewell?(): Promise<void>;
  /** Ends without a word: nothing is sent from now on. */
  close(): Promise<void>;
}

/** What a transmission works with. */
export interface TransmissionContext {
  /** Name of the tunnel's interface. */
  readonly tunnel: string;
  readonly sockets: MulticastSockets;
  readonly clock: Clock;
  readonly activity: Activity;
}

/** Opens the socket and sends what is due at the start. Rejects with `SocketError` where there is no socket to be had. */
export type Begin<Config> = (config: Config, link: Link, context: TransmissionContext) => Promise<Transmission<Config>>;

/** Milliseconds until what could not be sent is tried again, where trying may help. */
export const retryPeriod = 1000;

/** The same again would be refused again. */
const lasting: ReadonlySet<string> = new Set(['EMSGSIZE', 'EINVAL']);

/** Sends the messages, each whatever became of those before, and keeps account of it. The first error, if there was one. */
export function attempt(
  activity: Activity,
  what: Sent,
  messages: readonly Uint8Array[],
  send: (message: Uint8Array) => void,
): SocketError | undefined {
  const errors: SocketError[] = [];
  for (const message of messages) {
    try {
      send(message);
    } catch (error) {
      errors.push(asSocketError(error));
    }
  }
  activity.tried(what, messages.length, errors);
  return errors[0];
}

export const isTransient = ({errno}: SocketError): boolean => !lasting.has(errno);
