import type {StepReport} from '../services/step.js';

/** One wrong field of a request. */
export interface Violation {
  /** Path from the request message in proto names, for example `spec.mcast_pub_groups[2]`. */
  readonly field: string;
  /** What is wrong and what would be right, for people. */
  readonly description: string;
}

/** The request itself is wrong; carries every wrong field, not the first. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';

  constructor(readonly violations: readonly Violation[]) {
    super(violations.map(({field, description}) => `${field}: ${description}`).join('; '));
  }
}

/** Why an operation on a tunnel was refused or failed. Stable: clients act on it. */
export type Reason =
  | 'tunnel-exists'
  | 'tunnel-not-found'
  | 'etag-mismatch'
  | 'gre-unsupported'
  | 'missing-capability'
  | 'multicast-unsupported'
  | 'interface-conflict'
  | 'netlink-error'
  | 'state-not-durable'
  | 'draining';

export interface TunnelErrorOptions extends ErrorOptions {
  /** Facts for programs, for example the differing fields or the errno's name. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The steps of a teardown that did not get everything out. */
  readonly report?: readonly StepReport[];
}

/** An operation on a tunnel that was refused or failed. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  readonly metadata: Readonly<Record<string, string>>;
  readonly report: readonly StepReport[] | undefined;

  constructor(
    readonly reason: Reason,
    message: string,
    {metadata = {}, report, ...options}: TunnelErrorOptions = {},
  ) {
    super(message, options);
    this.metadata = metadata;
    this.report = report;
  }
}

/** The caller gave up, or its deadline passed, while the operation still waited for its turn: nothing was done. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';

  constructor() {
    super('the call was cancelled or its deadline passed before the work began');
  }
}
