import type {Caller} from './caller.js';
import type {Role} from './policy.js';

export interface DeniedCall {
  readonly caller: Caller;
  readonly identity: string;
  /** Name of the RPC, with its service where that is not ours. */
  readonly method: string;
}

/** The policy does not let a caller do something. The text says who asked for what, and nothing of what is there. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
  readonly caller: Caller;
  readonly identity: string;
  readonly method: string;

  /**
   * @param role that it would have needed; absent where no role will do
   * @param why for people
   */
  constructor(
    {caller, identity, method}: DeniedCall,
    readonly role: Role | undefined,
    why: string,
  ) {
    super(`${identity} may not call ${method}: ${why}`);
    this.caller = caller;
    this.identity = identity;
    this.method = method;
  }
}
