const firstDelay = 1000;
const longestDelay = 30_000;
const quickAttempts = 3;

/**
 * RFC 4271 §10: a quarter off at most, so that the many clients of one device do not call it in step.
 * `random` is from 0 up to 1.
 */
export const jittered = (duration: number, random: number): number => duration * (0.75 + random / 4);

/**
 * Milliseconds from one attempt to connect to the next: about a second for the first few, for a device that is just
 * being told about us, then twice as long each time up to 30 s, for one that is away or will not have us.
 * `attempts` is the ConnectRetryCounter: how many failed since a session last stood.
 */
export const connectRetryDelay = (attempts: number, random: number): number =>
  jittered(Math.min(firstDelay * 2 ** Math.max(0, attempts - quickAttempts), longestDelay), random);

/**
 * The ConnectRetryCounter after a failure. A session that stood for some time has shown that the peer will have us;
 * one that was lost at once (a prefix limit, say) counts as another failure, or it would come and go every second.
 */
export const countFailure = (attempts: number, establishedMs: number): number =>
  establishedMs >= longestDelay ? 1 : attempts + 1;
