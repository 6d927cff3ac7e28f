import {inspect} from 'node:util';
import {status} from '@grpc/grpc-js';
import type {AuditTrail} from '../access/audit.js';
import {AccessDenied} from '../access/denied.js';
import {LimitReached} from '../access/limit-reached.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import type {Change} from './changes.js';
import type {Connection} from './connections.js';
import type {Refusal} from './gate.js';
import {answerTo} from './status.js';
import {clip} from './text.js';

/** How a call ended. */
export interface Outcome {
  readonly code: status;
  readonly error?: unknown;
  /** Where the call changes something, or would have. */
  readonly change?: Change | undefined;
  readonly isCancelled?: boolean;
}

interface Begun extends Connection {
  readonly identity: string;
}

/**
 * What becomes of calls, for the log, the metrics and the audit log. The log has a line for every call that changes
 * something and every one that fails, the audit log one for every call that changes something and every one refused, up to
 * the limit of the caller. This is the one place where a failure is logged; the cause of an internal one stands here only,
 * since the caller gets a general text.
 */
export class CallReports {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #audit: AuditTrail;

  constructor({log, metrics, audit}: {readonly log: Logger; readonly metrics: Metrics; readonly audit: AuditTrail}) {
    this.#log = log;
    this.#metrics = metrics;
    this.#audit = audit;
  }

  /** To be called when a call begins; what it returns, when it has ended. */
  begin(method: string, admission: Begun): (outcome: Outcome) => void {
    const [time, start] = [Date.now(), performance.now()];
    return outcome => this.#end({method, time, duration: performance.now() - start, ...admission}, outcome);
  }

  /** A call that never began. */
  refused({error, ...refusal}: Refusal): void {
    this.#end({...refusal, time: Date.now(), duration: 0}, {code: answerTo(error).code, error});
  }

  #end(call: Begun & Timed, outcome: Outcome): void {
    const {code, error, change} = outcome;
    this.#metrics.calls.inc({method: call.method, code: status[code]});
    if (error instanceof LimitReached) this.#metrics.limited.inc({limit: error.limit});
    if (error instanceof AccessDenied) this.#metrics.refused.inc({reason: answerTo(error).reason ?? ''});
    // Who gives up a watch, which has no other end, has not failed.
    const isFailure = code !== status.OK && code !== status.CANCELLED;
    if (isFailure || change) this.#tell(call, outcome);
    if (isRecorded(outcome)) this.#write(call, outcome);
  }

  #tell({method, identity, peer, duration}: Begun & Timed, outcome: Outcome): void {
    const {code, error, change, isCancelled} = outcome;
    this.#log.log(level(outcome), 'rpc.done', {
      method,
      caller: identity,
      peer,
      ...change?.summary,
      ...(change && isCancelled ? {cancelled: true} : {}),
      outcome: status[code],
      took_ms: duration,
      ...(error instanceof Error ? {error: wordsOf(error)} : {}),
      ...(code === status.INTERNAL ? {cause: inspect(error, {depth: 4})} : {}),
    });
  }

  #write({time, duration, caller, peer, method}: Begun & Timed, {code, error, change}: Outcome): void {
    const record = {
      time,
      caller,
      peer,
      method,
      request: change?.request,
      ...change?.notes,
      outcome: status[code],
      reason: error === undefined ? undefined : answerTo(error).reason,
      error: error instanceof Error ? wordsOf(error) : undefined,
      duration,
    };
    this.#audit.write(record, change?.room);
  }
}

/** Octets. Errors repeat what callers send, which may be long. */
const longestError = 2048;

const wordsOf = ({message}: Error): string => clip(message, longestError);

interface Timed {
  readonly method: string;
  /** When it began, milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** Changes and refusals; of the calls of somebody who goes on past the limit, the first. */
function isRecorded({change, error}: Outcome): boolean {
  if (error instanceof LimitReached) return error.limit === 'max-changes' && error.isFirst;
  return change !== undefined || error instanceof AccessDenied;
}

function level({code, change, error}: Outcome): string {
  if (code === status.OK) return 'info';
  if (code === status.INTERNAL) return 'error';
  if (error instanceof LimitReached && !error.isFirst) return 'debug';
  return change ? 'warn' : 'debug';
}
