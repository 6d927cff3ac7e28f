import {randomBytes} from 'node:crypto';
import type {Logger} from '../telemetry/logger.js';
import type {AuditRecord, AuditRoom, OpenAuditTrail} from './audit.js';
import {auditFields} from './audit-line.js';
import {type AuditMetrics, AuditTrouble} from './audit-trouble.js';

/** What transports compare with their level (`triple-beam`, as winston documents it); `level` is only what is printed. */
const level = Symbol.for('level');

const nothing: AuditRoom = {octets: 0, [Symbol.dispose]: () => {}};

/** A trail in the daemon's log: event `audit.record`, with any level of the log, since one that is left out would be lost. */
export class LogAuditTrail implements OpenAuditTrail {
  readonly #run = randomBytes(6).toString('hex');
  readonly #log: Logger;
  readonly #trouble: AuditTrouble;
  #sequence = 0;

  constructor({log, metrics}: {readonly log: Logger; readonly metrics: AuditMetrics}) {
    this.#log = log;
    this.#trouble = new AuditTrouble('the log', log, metrics);
  }

  /** Nobody can tell what becomes of the log, and so nothing is refused. */
  reserve(): AuditRoom {
    return nothing;
  }

  write(record: AuditRecord): void {
    try {
      const fields = auditFields(record, {run: this.#run, sequence: ++this.#sequence});
      this.#log.write({level: 'info', [level]: 'error', message: 'audit.record', ...fields});
      this.#trouble.written();
      this.#trouble.over(() => {});
    } catch (error) {
      this.#trouble.lost(error, 0);
    }
  }

  reopen(): void {}

  [Symbol.dispose](): void {}
}
