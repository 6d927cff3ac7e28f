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

/** Where records go. */
export interface AuditTrail {
  /**
   * Makes sure that there will be room for a record, before the call that it is about changes anything.
   *
   * @param octets of the record, at most
   * @throws {AuditUnavailable} where there is none, and the trail is required
   */
  reserve(octets: number): void;
  /** Never throws: a record that cannot be written is counted and logged. */
  write(record: AuditRecord): void;
}

/** A record could not be written, and without one nothing may be changed. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable';
}
