import type {StepReport} from '../services/step.js';
import type {Violation} from '../tunnels/errors.js';
import {RemoveTunnelResponse} from './generated/doublezero/tunnel/v1/teardown.js';
import type {Any} from './generated/google/protobuf/any.js';
import {BadRequest, ErrorInfo, RetryInfo} from './generated/google/rpc/error_details.js';
import {clip} from './text.js';
import {fromReport} from './translation.js';

/** A message in the details of a `google.rpc.Status`. */
export type Detail = Any;

const domain = 'doublezero.tunnel';

/**
 * Bytes the violations of one answer may take together. Clients limit the metadata of an answer, those built on the C
 * core to 8 KiB, and past the limit the caller would see nothing of the answer at all.
 */
const roomForViolations = 3500;
/** Bytes that one text may take, so that one long value of the caller's does not push out the others. */
const longestText = 300;

const detail = (type: string, bytes: Uint8Array): Detail => ({
  typeUrl: `type.googleapis.com/${type}`,
  value: Buffer.from(bytes),
});

/** A reason that programs can act upon; upper case, unique in the domain `doublezero.tunnel`. */
export function errorInfo(reason: string, metadata: Readonly<Record<string, string>> = {}): Detail {
  const clipped = Object.entries(metadata).map(([key, value]) => [key, clip(value, longestText)]);
  const info = {reason, domain, metadata: Object.fromEntries(clipped)};
  return detail('google.rpc.ErrorInfo', ErrorInfo.encode(info).finish());
}

/** All wrong fields of a request; where there are more than an answer can hold, the last one tells how many. */
export function invalidFields(violations: readonly Violation[]): Detail {
  const fieldViolations: Violation[] = [];
  let room = roomForViolations;
  for (const [index, violation] of violations.entries()) {
    const field = clip(violation.field, longestText);
    const description = clip(violation.description, longestText);
    room -= Buffer.byteLength(field) + Buffer.byteLength(description);
    if (room < 0) {
      fieldViolations.push({field, description: `${description} (and ${violations.length - index - 1} more fields)`});
      break;
    }
    fieldViolations.push({field, description});
  }
  return detail('google.rpc.BadRequest', BadRequest.encode({fieldViolations}).finish());
}

/** When to try again, at the earliest: after so many milliseconds, a whole number. */
export function retryInfo(milliseconds: number): Detail {
  const retryDelay = {seconds: BigInt(Math.trunc(milliseconds / 1000)), nanos: (milliseconds % 1000) * 1_000_000};
  return detail('google.rpc.RetryInfo', RetryInfo.encode({retryDelay}).finish());
}

/** What a teardown that left something behind did manage. */
export const teardownReport = (steps: readonly StepReport[]): Detail =>
  detail('doublezero.tunnel.v1.RemoveTunnelResponse', RemoveTunnelResponse.encode(fromReport(steps)).finish());
