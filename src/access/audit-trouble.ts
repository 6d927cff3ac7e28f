import {getSystemErrorMap} from 'node:util';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {codeOf} from './audit-room.js';

export type AuditMetrics = Pick<Metrics, 'auditRecords'>;

interface Trouble {
  lost: number;
  refused: number;
  /** The most that there was no room for. */
  octets: number;
}

/** Counts what becomes of records, and says so in the log: once when it goes wrong, and once when it is over. */
export class AuditTrouble {
  #now: Trouble | undefined;

  constructor(
    private readonly file: string,
    private readonly log: Logger,
    private readonly metrics: AuditMetrics,
  ) {
    for (const outcome of ['written', 'lost']) metrics.auditRecords.inc({outcome}, 0);
  }

  written(): void {
    this.metrics.auditRecords.inc({outcome: 'written'});
  }

  lost(error: unknown, octets: number): void {
    this.metrics.auditRecords.inc({outcome: 'lost'});
    this.#begin(error, octets).lost++;
  }

  /** A change was refused, since its record could not be written. */
  refused(error: unknown, octets: number): void {
    this.#begin(error, octets).refused++;
  }

  /** A record has to wait. */
  delayed(error: unknown, octets: number): void {
    this.#begin(error, octets);
  }

  /**
   * Something went well.
   *
   * @param ensure throws where there is still no room for what there was none for: on a full disk short lines may fit
   * while long ones do not, and the log would be full of it
   */
  over(ensure: (octets: number) => void): void {
    if (!this.#now) return;
    const {lost, refused, octets} = this.#now;
    try {
      ensure(octets);
    } catch {
      return;
    }
    this.#now = undefined;
    this.log.warn('audit.recovered', {file: this.file, records_lost: lost, changes_refused: refused});
  }

  #begin(error: unknown, octets: number): Trouble {
    if (!this.#now) {
      this.#now = {lost: 0, refused: 0, octets: 0};
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error('audit.failing', {file: this.file, reason});
    }
    this.#now.octets = Math.max(this.#now.octets, octets);
    return this.#now;
  }
}

/** `ENOSPC: no space left on device`, without the path that callers have no business with. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined);
  if (code === undefined) return 'the log of the daemon says why';
  const [, text] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
  return text === undefined ? code : `${code}: ${text}`;
}
