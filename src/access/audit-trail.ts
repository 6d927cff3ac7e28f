import type {OpenAuditTrail} from './audit.js';
import {FileAuditTrail, type FileAuditTrailOptions} from './audit-file-trail.js';
import {LogAuditTrail} from './audit-log-trail.js';

export interface AuditTrailOptions extends Omit<FileAuditTrailOptions, 'file'> {
  /** Path; without one the records go to the log. */
  readonly file: string | undefined;
}

/** Throws `AuditError`, which names the flag and the file. */
export const openAuditTrail = ({file, ...options}: AuditTrailOptions): OpenAuditTrail =>
  file === undefined ? new LogAuditTrail(options) : new FileAuditTrail({file, ...options});
