import type {AuditRecord} from './audit.js';
import {identityOf} from './caller.js';

/** Where in the trail a record stands. */
export interface AuditPosition {
  /** Tells the runs of the daemon apart, which begin at 1 each. */
  readonly run: string;
  readonly sequence: number;
}

/** The record as docs/audit.md has it: names and order of the fields are a promise. Absent ones are `undefined`. */
export function auditFields(record: AuditRecord, {run, sequence}: AuditPosition) {
  const {caller} = record;
  const {request, spec} = divided(record.request);
  return {
    time: new Date(record.time).toISOString(),
    run,
    sequence,
    identity: identityOf(caller),
    peer: record.peer,
    program:
      caller.kind === 'local' ? {name: caller.program, pid: caller.pid, uid: caller.uid, gids: caller.gids} : undefined,
    method: record.method,
    request,
    spec,
    etag_before: record.etagBefore,
    etag_after: record.etagAfter,
    outcome: record.outcome,
    reason: record.reason,
    error: record.error,
    duration_ms: Math.round(record.duration * 1000) / 1000,
    steps: record.steps,
  };
}

/** The spec has a field of its own, whatever the RPC; what else the request says stays together. */
function divided(request: unknown): {readonly request?: unknown; readonly spec?: unknown} {
  if (typeof request !== 'object' || request === null || !('spec' in request)) return {request};
  const {spec, ...rest} = request;
  return {request: Object.keys(rest).length > 0 ? rest : undefined, spec};
}

/** One line with its newline, of ASCII only, so that its length in octets is that of the text. Throws what `toJSON` does. */
export const auditLine = (record: AuditRecord, position: AuditPosition): string =>
  lineOf(auditFields(record, position));

/** UTF-16 units; each is six octets at most. */
const longestText = 600;

/** The same without what can be long beside the request: it fits into what `recordOctets` asks for. */
export const shortAuditLine = (record: AuditRecord, position: AuditPosition): string =>
  lineOf({
    ...auditFields(record, position),
    reason: record.reason?.slice(0, longestText),
    error: record.error?.slice(0, longestText),
    steps: undefined,
    shortened: true,
  });

/** The sequence, the ETag after, outcome, reason, error and duration, as long as they may be in a short line. */
const answerOctets = 8192;

/** What to reserve for a call that is about to begin: room for its line without the steps, whatever comes of the call. */
export function recordOctets(call: Pick<AuditRecord, 'caller' | 'peer' | 'method' | 'request' | 'etagBefore'>): number {
  const begun = {...call, time: 0, outcome: '', duration: 0};
  return auditLine(begun, {run: '', sequence: 0}).length + answerOctets;
}

/**
 * JSON leaves U+2028 and its like as they are, where some programs see the end of a line, and marks that reverse what a
 * terminal shows. In ASCII a name also cannot look like another one.
 */
const lineOf = (fields: object): string =>
  `${JSON.stringify(fields).replaceAll(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
