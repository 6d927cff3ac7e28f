import {Metadata, type StatusObject, status} from '@grpc/grpc-js';
import {NetlinkError} from '../netlink/netlinker.js';
import {InvalidArgument, NotStarted, type Reason, TunnelError} from '../tunnels/errors.js';
import {WatcherTooSlow} from '../tunnels/watcher.js';
import {type Detail, errorInfo, invalidFields, teardownReport} from './details.js';
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

/** What a caller hears of an error. The only place where errors become status codes. */
export function toStatus(error: unknown): StatusObject {
  if (error instanceof InvalidArgument) {
    return statusOf(status.INVALID_ARGUMENT, error.message, [invalidFields(error.violations)]);
  }
  if (error instanceof TunnelError) {
    const info = errorInfo(reasonName(error.reason), error.metadata);
    const report = error.report === undefined ? [] : [teardownReport(error.report)];
    return statusOf(codes[error.reason], error.message, [info, ...report]);
  }
  if (error instanceof NetlinkError) {
    const metadata = {operation: error.operation, errno: error.errno};
    return statusOf(codes['netlink-error'], error.message, [errorInfo(reasonName('netlink-error'), metadata)]);
  }
  if (error instanceof WatcherTooSlow) return statusOf(status.RESOURCE_EXHAUSTED, error.message, []);
  if (error instanceof NotStarted) return statusOf(status.DEADLINE_EXCEEDED, error.message, []);
  if (error instanceof RpcError) return statusOf(error.code, error.message, error.details);
  return statusOf(status.INTERNAL, 'internal error', []); // the cause goes to the log, not the wire
}

const reasonName = (reason: Reason) => reason.toUpperCase().replaceAll('-', '_');

function statusOf(code: status, fullMessage: string, details: readonly Detail[]): StatusObject {
  const message = clip(fullMessage, longestMessage);
  const metadata = new Metadata();
  if (details.length > 0) {
    const bytes = Status.encode({code, message, details: [...details]}).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  }
  return {code, details: message, metadata};
}
