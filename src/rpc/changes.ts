import type {Allowance} from '../access/allowance.js';
import type {AuditRoom, AuditTrail} from '../access/audit.js';
import {recordOctets} from '../access/audit-line.js';
import {authorize, type Target} from '../access/authorize.js';
import {AccessDenied} from '../access/denied.js';
import type {CallContext} from './call-context.js';
import type {Admission} from './gate.js';
import type {ChangeRpc} from './rpcs.js';

/** What is known of a change beside its request, for the audit log. */
export interface ChangeNotes {
  etagBefore?: string | undefined;
  etagAfter?: string | undefined;
  /** What a teardown did, step by step: JSON with the names of the protos. */
  steps?: readonly unknown[] | undefined;
}

export interface ChangeRules {
  readonly allowance: Allowance;
  readonly audit: AuditTrail;
}

/** A call that changes something, from its request to what is to be written down of it. */
export class Change {
  readonly notes: ChangeNotes = {};
  /** Fields of the call's line in the log. */
  summary: Readonly<Record<string, unknown>> = {};
  /** The request as JSON with the names of the protos. */
  request: unknown;
  /** Where it will be written. */
  room: AuditRoom | undefined;

  constructor(
    private readonly rpc: ChangeRpc<unknown, unknown>,
    private readonly method: string,
    private readonly admission: Admission,
  ) {}

  /** Throws where the change has to wait, or could not be written down. */
  begin(request: unknown, {allowance, audit}: ChangeRules): void {
    this.summary = this.rpc.summary(request);
    this.request = this.rpc.toJson(request);
    allowance.spend(this.admission.identity);
    this.room = audit.reserve(recordOctets({...this.admission, method: this.method, request: this.request}));
  }

  /** Throws where the change may not be made. */
  async handle(request: unknown, context: CallContext): Promise<unknown> {
    return this.rpc.handle(request, {
      get signal() {
        return context.signal;
      },
      permit: target => this.#permit(target),
      notes: this.notes,
    });
  }

  #permit(target: Target): void {
    const decision = authorize(this.admission.grants(), 'operator', [target]);
    if (!decision.allowed) {
      throw new AccessDenied({...this.admission, method: this.method}, decision.role, decision.text);
    }
  }
}
