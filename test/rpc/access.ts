import type {AuditRecord, AuditTrail} from '../../src/access/audit.js';
import {fixed, type Policy} from '../../src/access/policy.js';
import type {Limits} from '../../src/config/limits.js';
import {parseCommandLine} from '../../src/config/options.js';
import {Metrics} from '../../src/telemetry/metrics.js';

/** Everybody may do everything: for tests of something else. */
export const everybody: Policy = {grants: () => [{role: 'operator'}]};

/** A trail that keeps what it is given. */
export function recordingAudit(): {readonly records: AuditRecord[]; readonly audit: AuditTrail} {
  const records: AuditRecord[] = [];
  const audit: AuditTrail = {
    reserve: octets => ({octets, [Symbol.dispose]() {}}),
    write: record => void records.push(record),
  };
  return {records, audit};
}

export function defaultLimits(): Limits {
  const command = parseCommandLine([]);
  if ('print' in command) throw new TypeError('nothing to run');
  return command.run.limits;
}

/** What a server needs to know of access, with nothing kept from anybody. */
export const openAccess = () => ({
  policy: fixed(everybody),
  audit: recordingAudit().audit,
  limits: defaultLimits(),
  metrics: new Metrics(),
});
