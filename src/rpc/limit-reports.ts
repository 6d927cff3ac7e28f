import type {Logger} from '../telemetry/logger.js';
import type {LimitName, Metrics} from '../telemetry/metrics.js';

/** Milliseconds between two lines about the same limit: whoever meets limits may do so thousands of times a second. */
const pause = 1000;

/** Counts and logs limits that connections meet, each limit at most once a second with the number of times since. */
export class LimitReports {
  readonly #times = new Map<LimitName, {count: number; lastLine: number}>();

  constructor(
    private readonly metrics: Pick<Metrics, 'limited'>,
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  met(limit: LimitName, fields: Readonly<Record<string, unknown>>): void {
    this.metrics.limited.inc({limit});
    const times = this.#times.get(limit) ?? {count: 0, lastLine: Number.NEGATIVE_INFINITY};
    this.#times.set(limit, times);
    times.count += 1;
    if (this.now() - times.lastLine < pause) return;
    this.log.warn('connection.limited', {limit, ...fields, times: times.count});
    times.count = 0;
    times.lastLine = this.now();
  }
}
