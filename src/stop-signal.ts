import type {Logger} from './telemetry/logger.js';

/**
 * How long after the first signal another one is taken for the same. A terminal signals its whole foreground group, and so
 * does `timeout`; npm, which is in it, passes on to the daemon what it hears itself.
 */
const sameSignalMs = 1000;

/** Aborted by the first SIGTERM or SIGINT. One that comes a second later or more has `kill` end the process at once. */
export function stopSignal(log: Logger, kill: () => void): AbortSignal {
  const stop = new AbortController();
  let first: number | undefined;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      const now = performance.now();
      first ??= now;
      if (!stop.signal.aborted) stop.abort(name);
      else if (now - first >= sameSignalMs) {
        log.error('daemon.killed', {reason: `a second ${name}`});
        kill();
      }
    });
  }
  return stop.signal;
}
