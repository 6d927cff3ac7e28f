import {LinePace} from '../telemetry/line-pace.js';
import type {Logger} from '../telemetry/logger.js';
import type {LimitName, Metrics} from '../telemetry/metrics.js';

/** Counts and logs limits that connections meet, each limit at most once a second with the number of times since. */
export class LimitReports {
  readonly #pace = new LinePace<LimitName>();

  constructor(
    private readonly metrics: Pick<Metrics, 'limited'>,
    private readonly log: Logger,
  ) {}

  met(limit: LimitName, fields: Readonly<Record<string, unknown>>): void {
    this.metrics.limited.inc({limit});
    const times = this.#pace.count(limit);
    if (times !== undefined) this.log.warn('connection.limited', {limit, ...fields, times});
  }
}
