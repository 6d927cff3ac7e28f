import {Metadata, type StatusObject, status} from '@grpc/grpc-js';
import {AuditUnavailable} from '../access/audit.js';
import {AccessDenied} from '../access/denied.js';
import {LimitReached} from '../access/limit-reached.js';
import {NetlinkError} from '../netlink/netlinker.js';
import {InvalidArgument, NotStarted, type Reason, TunnelError} from '../tunnels/errors.js';
import {WatcherTooSlow} from '../tunnels/watcher.js';
import {type Detail, errorInfo, invalidFields, retryInfo, teardownReport} from './details.js';
import {Status} from './generated/google/rpc/status.js';
import {clip} from './text.js';

const codes = {
  'tunnel-exists': status.ALREADY_EXISTS,
  'tunnel-not-found': status.NOT_FOUND,
  'etag-mismatch': status.ABORTED,
  'gre-unsupported': status.FAILED_PRECONDITION,
  'missing-capability': status.FAILED_PRECONDITION,
  'multicast-unsupported': status.FAILED_PRECONDITION,
  'interface-conflict': status.FAILED_PRECONDITION,
  'netlink-error': status.INTERNAL,
  'state-not-durable': status.INTERNAL,
  draining: status.UNAVAILABLE,
} satisfies Record<Reason, status>; // a new Reason does not compile until it has a code

/** Bytes of `grpc-message`, which clients count against the same limit as the details (see `details.ts`). */
const longestMessage = 512;

/** An error that is born in this layer and means nothing below it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly code: status,
    message: string,
    readonly details: readonly Detail[] = [],
  ) {
    super(message);
  }
}

/** What a caller hears of an error. */
export interface Answer {
  readonly code: status;
  readonly message: string;
  /** Reason of the `ErrorInfo`, where there is one. */
  readonly reason?: string;
  readonly details: readonly Detail[];
}

/** The only place where errors become status codes. */
export function answerTo(error: unknown): Answer {
  if (error instanceof InvalidArgument) {
    return answer(status.INVALID_ARGUMENT, error, [invalidFields(error.violations)]);
  }
  if (error instanceof TunnelError) {
    const report = error.report === undefined ? [] : [teardownReport(error.report)];
    return withReason(codes[error.reason], error, reasonName(error.reason), error.metadata, report);
  }
  if (error instanceof NetlinkError) {
    const {operation, errno} = error;
    return withReason(codes['netlink-error'], error, reasonName('netlink-error'), {operation, errno});
  }
  if (error instanceof AccessDenied) {
    const {caller, identity, method, role = ''} = error;
    const code = caller.kind === 'anonymous' ? status.UNAUTHENTICATED : status.PERMISSION_DENIED;
    return withReason(code, error, status[code], {identity, method, role});
  }
  if (error instanceof LimitReached) {
    const {identity, limit, retryAfter} = error;
    return withReason(status.RESOURCE_EXHAUSTED, error, 'RATE_LIMITED', {identity, limit}, [retryInfo(retryAfter)]);
  }
  if (error instanceof AuditUnavailable) return withReason(status.UNAVAILABLE, error, 'AUDIT_UNAVAILABLE');
  if (error instanceof WatcherTooSlow) return answer(status.RESOURCE_EXHAUSTED, error);
  if (error instanceof NotStarted) return answer(status.DEADLINE_EXCEEDED, error);
  if (error instanceof RpcError) return answer(error.code, error, error.details);
  return {code: status.INTERNAL, message: 'internal error', details: []}; // the cause goes to the log, not the wire
}

const answer = (code: status, {message}: Error, details: readonly Detail[] = []): Answer => ({code, message, details});

const withReason = (
  code: status,
  {message}: Error,
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
  more: readonly Detail[] = [],
): Answer => ({code, message, reason, details: [errorInfo(reason, metadata), ...more]});

/** What `answerTo` has to say, as grpc-js sends it. */
export function toStatus(error: unknown): StatusObject {
  const {code, message: fullMessage, details} = answerTo(error);
  const message = clip(fullMessage, longestMessage);
  const metadata = new Metadata();
  if (details.length > 0) {
    const bytes = Status.encode({code, message, details: [...details]}).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  }
  return {code, details: message, metadata};
}

const reasonName = (reason: Reason) => reason.toUpperCase().replaceAll('-', '_');
