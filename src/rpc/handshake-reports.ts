import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {type HandshakeFailure, handshakeFailureReasons} from './handshake-failure.js';

/** Milliseconds between two lines about the same reason: anyone who reaches the port can cause thousands a second. */
const pause = 1000;

/** Counts and logs connections that came to nothing, for each reason at most once a second with the number since. */
export class HandshakeReports {
  readonly #since = new Map<HandshakeFailure['reason'], {times: number; lastLine: number}>();

  constructor(
    private readonly metrics: Pick<Metrics, 'handshakeFailures'>,
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {
    for (const reason of handshakeFailureReasons) metrics.handshakeFailures.inc({reason}, 0);
  }

  report(failure: HandshakeFailure): void {
    const {reason} = failure;
    this.metrics.handshakeFailures.inc({reason});
    const since = this.#since.get(reason) ?? {times: 0, lastLine: Number.NEGATIVE_INFINITY};
    this.#since.set(reason, since);
    since.times += 1;
    if (this.now() - since.lastLine < pause) return;
    this.log.warn('connection.failed', {...failure, times: since.times});
    since.times = 0;
    since.lastLine = this.now();
  }
}
