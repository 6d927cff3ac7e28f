import {LinePace} from '../telemetry/line-pace.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {type HandshakeFailure, handshakeFailureReasons} from './handshake-failure.js';

/** Counts and logs connections that came to nothing, for each reason at most once a second with the number since. */
export class HandshakeReports {
  readonly #pace: LinePace<HandshakeFailure['reason']>;

  constructor(
    private readonly metrics: Pick<Metrics, 'handshakeFailures'>,
    private readonly log: Logger,
    now?: () => number,
  ) {
    this.#pace = new LinePace(now);
    for (const reason of handshakeFailureReasons) metrics.handshakeFailures.inc({reason}, 0);
  }

  report(failure: HandshakeFailure): void {
    const {reason} = failure;
    this.metrics.handshakeFailures.inc({reason});
    const times = this.#pace.count(reason);
    if (times !== undefined) this.log.warn('connection.failed', {...failure, times});
  }
}
