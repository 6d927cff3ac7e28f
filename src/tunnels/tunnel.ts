import type {Link} from '../netlink/netlinker.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';

/**
 * - `planned`: as it would be; nothing was done (`validate_only`)
 * - `provisioning`: being set up
 * - `up`: the link is up
 * - `degraded`: the kernel no longer matches the spec
 * - `removing`: being torn down
 * - `failed`: an operation failed and left something in the kernel; the next one on this tunnel clears it away first
 */
export type TunnelState = 'planned' | 'provisioning' | 'up' | 'degraded' | 'removing' | 'failed';

/** A tunnel at one moment. Never changed, only replaced, so a reader can keep it. */
export interface Tunnel {
  /** Name of the interface. */
  readonly name: string;
  /** UUID of this tunnel; stays through updates, a new one when it is provisioned anew. Empty while `planned`. */
  readonly uid: string;
  readonly spec: TunnelSpec;
  readonly state: TunnelState;
  readonly etag: string;
  /** Absent while `planned`, like `updateTime`. */
  readonly createTime?: Date | undefined;
  /** When the spec last changed. */
  readonly updateTime?: Date | undefined;
  /** In words; empty when all is well. */
  readonly lastError: string;
  /** The interface as it was last seen, at most a second ago. */
  readonly link?: Link | undefined;
}
