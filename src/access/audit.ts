import type {Caller} from './caller.js';

/** What is kept of a call that changes something, or that was refused. */
export interface AuditRecord {
  /** When the call came, milliseconds since 1970. */
  readonly time: number;
  readonly caller: Caller;
  /** Where the call came from: `192.0.2.1:40000`, `unix:/run/doublezerod/doublezerod.sock`. */
  readonly peer: string;
  /** Name of the RPC: `ProvisionTunnel`; of the standard services with the service: `grpc.health.v1.Health/Check`. */
  readonly method: string;
  /** The request as JSON with the names of the protos, where the call was let in. */
  readonly request?: unknown;
  /** ETag of the tunnel before and after, where there was one and is one. */
  readonly etagBefore?: string | undefined;
  readonly etagAfter?: string | undefined;
  /** Name of the gRPC status: `OK`, `PERMISSION_DENIED`. */
  readonly outcome: string;
  /** Reason of the `ErrorInfo`, where the outcome has one. */
  readonly reason?: string | undefined;
  /** Text of the status, where it is not OK. */
  readonly error?: string | undefined;
  /** Milliseconds. */
  readonly duration: number;
  /** What a teardown did, step by step: JSON with the names of the protos. */
  readonly steps?: readonly unknown[] | undefined;
}

/** Room that is kept for one record. Whoever reserved it gives it back by writing the record, or by disposing of it. */
export interface AuditRoom extends Disposable {
  /** Octets that are kept; 0 once it is used or given back. */
  readonly octets: number;
}

/** Where records go. */
export interface AuditTrail {
  /**
   * Makes sure that there will be room for a record, before the call that it is about changes anything.
   *
   * @param octets of the record, at most: see `recordOctets`
   * @throws {AuditUnavailable} where there is none, and the trail is required
   */
  reserve(octets: number): AuditRoom;
  /**
   * Never throws: a record that cannot be written is counted and logged. When this returns the kernel has it.
   *
   * @param room what was reserved for it; it is used up. Refused calls have none.
   */
  write(record: AuditRecord, room?: AuditRoom): void;
}

/** A trail, for whoever opened it. Disposed of when no call is left that could write. */
export interface OpenAuditTrail extends AuditTrail, Disposable {
  /** Opens the file anew, for programs that rename it (logrotate). Never throws: without a new file the old one stays. */
  reopen(): void;
}

/** A record could not be written, and without one nothing may be changed. The text says why, and names no path. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable';
}

/** The audit log cannot be used; the text names flag, file and reason. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
}
