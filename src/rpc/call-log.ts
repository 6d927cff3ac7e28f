import {inspect} from 'node:util';
import {status} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';
import type {CallContext} from './rpcs.js';

export interface Outcome {
  /** The RPC changes something. */
  readonly isChange: boolean;
  readonly code: status;
  readonly error?: unknown;
  readonly fields: Readonly<Record<string, unknown>>;
  /** `performance.now()` when the call began. */
  readonly start: number;
}

/**
 * Leaves a line for every call that changes something, and for every call that fails. This is the one place where a
 * failure is logged; the cause of an internal one stands here only, since the caller gets a general text.
 */
export function logCall(log: Logger, {method, caller}: CallContext, outcome: Outcome): void {
  const {isChange, code, error, fields, start} = outcome;
  if (code === status.OK && !isChange) return;
  log.log(level(outcome), 'rpc.done', {
    method,
    caller,
    ...fields,
    outcome: status[code],
    took_ms: performance.now() - start,
    ...(error instanceof Error ? {error: error.message} : {}),
    ...(code === status.INTERNAL ? {cause: inspect(error, {depth: 4})} : {}),
  });
}

function level({code, isChange}: Outcome): string {
  if (code === status.OK) return 'info';
  if (code === status.INTERNAL) return 'error';
  return isChange ? 'warn' : 'debug';
}
