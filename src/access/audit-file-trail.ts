import {randomBytes} from 'node:crypto';
import {resolve} from 'node:path';
import type {Logger} from '../telemetry/logger.js';
import {type AuditRecord, type AuditRoom, AuditUnavailable, type OpenAuditTrail} from './audit.js';
import {AuditFile} from './audit-file.js';
import {auditLine, shortAuditLine} from './audit-line.js';
import {AuditPromises} from './audit-promises.js';
import type {Fallocate} from './audit-room.js';
import {type AuditMetrics, AuditTrouble, reasonOf} from './audit-trouble.js';

export interface FileAuditTrailOptions {
  /** Path. */
  readonly file: string;
  /** Room is kept for each change before it is made. */
  readonly required: boolean;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
  /** fallocate(2); absent where the C library cannot be called. */
  readonly fallocate?: Fallocate | undefined;
}

/** Octets that refusals leave to changes: nobody who may do nothing can fill the disk and so keep operators from working. */
const forChanges = 256 * 1024;

/**
 * A trail in a file. Everything is synchronous: lines are in the order of their sequence, a caller is answered when the
 * kernel has its line, and no reopening can come between the two halves of one.
 */
export class FileAuditTrail implements OpenAuditTrail {
  readonly #run = randomBytes(6).toString('hex');
  readonly #path: string;
  readonly #required: boolean;
  readonly #log: Logger;
  readonly #fallocate: Fallocate | undefined;
  readonly #trouble: AuditTrouble;
  #file: AuditFile | undefined;
  #sequence = 0;
  readonly #promised = new AuditPromises();
  /** Lines that were promised and could not be written. Nothing more is promised before they are. */
  readonly #owed: string[] = [];

  /** Throws `AuditError`. */
  constructor({file, required, log, metrics, fallocate}: FileAuditTrailOptions) {
    this.#path = resolve(file);
    this.#required = required;
    this.#log = log;
    this.#fallocate = fallocate;
    this.#trouble = new AuditTrouble(this.#path, log, metrics);
    this.#file = this.#open();
    try {
      this.#prepare(this.#file);
    } catch (error) {
      this.#trouble.delayed(error, 0); // changes are refused until there is room
    }
  }

  reserve(octets: number): AuditRoom {
    if (!this.#required) return this.#promised.keep(0);
    try {
      this.#settle();
      this.#current().ensure(this.#promised.octets + octets);
    } catch (error) {
      this.#trouble.refused(error, octets);
      throw new AuditUnavailable(`no audit record can be written: ${reasonOf(error)}`, {cause: error});
    }
    this.#wentWell();
    return this.#promised.keep(octets);
  }

  write(record: AuditRecord, room?: AuditRoom): void {
    const kept = room?.octets ?? 0;
    room?.[Symbol.dispose]();
    const position = {run: this.#run, sequence: ++this.#sequence};
    let line = '';
    try {
      line = auditLine(record, position);
      this.#settle();
      if (!this.#fits(line, kept)) line = shortAuditLine(record, position);
      this.#append(line);
    } catch (error) {
      if (kept > 0 && line !== '') this.#owe(line, error);
      else this.#trouble.lost(error, line.length + this.#headroom);
      return;
    }
    this.#wentWell();
  }

  reopen(): void {
    try {
      this.#replace(this.#open());
      this.#log.info('audit.reopened', {file: this.#path});
    } catch (error) {
      const fields = {file: this.#path, reason: textOf(error), consequence: 'the former file is written on'};
      this.#log.error('audit.reopen_failed', fields);
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#settle();
    } catch (error) {
      for (const line of this.#owed.splice(0)) this.#trouble.lost(error, line.length);
    }
    if (this.#file) this.#close(this.#file);
    this.#file = undefined;
  }

  /** Octets that lines without a promise have to leave. */
  get #headroom(): number {
    return this.#required ? forChanges : 0;
  }

  /** Whether the line leaves what is promised to others; throws where it has no room of its own and there is none. */
  #fits(line: string, kept: number): boolean {
    if (!this.#required || line.length <= kept) return true;
    if (kept === 0) {
      this.#current().ensure(this.#promised.octets + line.length + this.#headroom);
      return true;
    }
    try {
      this.#current().ensure(this.#promised.octets + line.length);
      return true;
    } catch {
      return false;
    }
  }

  #append(line: string): void {
    this.#current().append(line);
    this.#trouble.written();
  }

  #owe(line: string, error: unknown): void {
    this.#owed.push(line);
    this.#trouble.delayed(error, line.length);
  }

  #settle(): void {
    for (let line = this.#owed[0]; line !== undefined; line = this.#owed[0]) {
      this.#append(line);
      this.#owed.shift();
    }
  }

  #wentWell(): void {
    this.#trouble.over(octets => this.#current().ensure(this.#promised.octets + octets));
  }

  /** The file as it is now. One that was deleted under the daemon is made again. */
  #current(): AuditFile {
    if (!this.#file) throw new Error('the audit log is closed');
    this.#file.look();
    if (this.#file.isGone) {
      this.#replace(this.#open());
      this.#log.warn('audit.file_was_deleted', {file: this.#path, consequence: 'a new one is begun'});
    }
    return this.#file;
  }

  #open(): AuditFile {
    return new AuditFile(this.#path, this.#fallocate);
  }

  /** Leaves everything as it was where the other file has no room for what is promised. */
  #replace(next: AuditFile): void {
    const former = this.#file;
    // Closing gives up the room beyond the end: that of the descriptor which stays would go with it.
    if (former?.isSame(next)) {
      this.#close(next);
      return;
    }
    try {
      this.#prepare(next);
    } catch (error) {
      this.#close(next);
      throw error;
    }
    this.#file = next;
    if (former) this.#close(former);
  }

  #prepare(file: AuditFile): void {
    if (!this.#required) return;
    file.ensure(this.#promised.octets);
    if (!file.keepsRoom) this.#log.warn('audit.room_not_kept', {file: this.#path, consequence: roomNotKept});
  }

  #close(file: AuditFile): void {
    try {
      file[Symbol.dispose]();
    } catch (error) {
      // Network file systems tell here what became of former writes.
      this.#log.error('audit.close_failed', {file: this.#path, reason: textOf(error)});
    }
  }
}

const roomNotKept =
  'no fallocate(2), of the file system or for want of koffi: room is looked at, and others may take it before the line';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
