import {UsageError} from './usage-error.js';
import type {FlagValues} from './values.js';

export interface AuditOptions {
  /** Path of the audit log; without one its lines go to the daemon's log. */
  readonly file: string | undefined;
  /** Changes are refused while their line cannot be written. */
  readonly required: boolean;
}

/** Throws `UsageError`. */
export function auditOptionsOf(values: FlagValues): AuditOptions {
  const file = values.optional('audit-log');
  const required = values.isSet('audit-required');
  if (required && file === undefined) {
    throw new UsageError(
      '--audit-required needs --audit-log as well: whether a line on standard output is kept, nobody can tell',
    );
  }
  return {file, required};
}
