import type {FlagValues} from './values.js';

/** What callers may take of the daemon. */
export interface Limits {
  /** Connections at a time, for each listener. */
  readonly connections: number;
  /** Calls at a time, for each connection. */
  readonly streams: number;
  /** Octets of a request. */
  readonly messageSize: number;
  /** Milliseconds from the connection to its first HTTP/2 frames. */
  readonly handshake: number;
  /** Milliseconds without a call. */
  readonly idle: number;
  /** Calls that change something, for each identity and minute. */
  readonly changes: number;
  /** `WatchTunnels` calls at a time, for each identity. */
  readonly watchers: number;
}

const day = 86_400;
const seconds = 1000;
const many = {min: 1, max: 1_000_000};

/**
 * Requests are small: the largest honest one, a spec with thousands of groups, is some tens of kilobytes. grpc-js reads a
 * whole message before it refuses it, so a bound on the size is a bound on memory.
 */
const messageSizes = {min: 4096, max: 64 * 1024 * 1024};

/** Throws `UsageError`. */
export const limitsOf = (values: FlagValues): Limits => ({
  connections: values.number('max-connections', 'a number', many),
  streams: values.number('max-streams', 'a number', many),
  messageSize: values.number('max-message-size', 'a number of octets', messageSizes),
  handshake: values.number('handshake-timeout', 'a number of seconds', {min: 1, max: 600}) * seconds,
  idle: values.number('idle-timeout', 'a number of seconds', {min: 1, max: 30 * day}) * seconds,
  changes: values.number('max-changes', 'a number', many),
  watchers: values.number('max-watchers', 'a number', many),
});
