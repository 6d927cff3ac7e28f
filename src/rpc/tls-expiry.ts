import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import type {Validity} from './tls-reading.js';

const day = 24 * 3600 * 1000;

/**
 * Before the end, and never more than so much of the whole time: certificates that live an hour are renewed in time, and
 * would be warned of all their life.
 */
const warning = {before: 30 * day, share: 1 / 3};
const alarm = {before: 7 * day, share: 1 / 10};

/** A line about one certificate comes no more often than this, unless it has become graver. */
const pause = day;

type Level = 'warn' | 'error';

/** Says how long certificates are valid yet: as a metric always, in the log when the end is near. */
export class TlsExpiry {
  #validity: readonly Validity[] = [];
  readonly #told = new Map<Validity['flag'], {readonly end: number; readonly at: number; readonly level: Level}>();

  constructor(
    private readonly log: Logger,
    private readonly metrics: Pick<Metrics, 'tlsDaysToExpiry'>,
    private readonly now: () => Date,
  ) {}

  /** From now on these are in use. */
  use(validity: readonly Validity[]): void {
    this.#validity = validity;
    this.look();
  }

  /** To be called now and then; each minute is enough. */
  look(): void {
    const now = this.now().getTime();
    for (const each of this.#validity) {
      const left = each.to.getTime() - now;
      this.metrics.tlsDaysToExpiry.set({file: each.flag.slice('--'.length)}, left / day);
      const level = levelOf(left, each.to.getTime() - each.from.getTime());
      if (level) this.#tell(each, level, left, now);
    }
  }

  #tell({flag, file, to}: Validity, level: Level, left: number, now: number): void {
    const told = this.#told.get(flag);
    const isSame = told?.end === to.getTime() && (told.level === level || told.level === 'error');
    if (isSame && now - told.at < pause) return;
    this.#told.set(flag, {end: to.getTime(), at: now, level});
    const event = left > 0 ? 'tls.expires' : 'tls.expired';
    this.log.log(level, event, {flag, file, end: to.toISOString(), days: Math.floor(left / day)});
  }
}

function levelOf(left: number, lifetime: number): Level | undefined {
  const isWithin = ({before, share}: typeof warning) => left < Math.min(before, lifetime * share);
  if (isWithin(alarm)) return 'error';
  return isWithin(warning) ? 'warn' : undefined;
}
