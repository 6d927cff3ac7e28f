import type {Grant, Policy} from './policy.js';

export interface LocalOwners {
  /** The daemon's own. */
  readonly uid: number;
  /**
   * Of the Unix socket: who administers the host may give it to another group, which counts for whoever connects from then
   * on. Absent when it is gone.
   */
  readonly socketGid: () => number | undefined;
}

const operator: readonly Grant[] = [{role: 'operator'}];
const viewer: readonly Grant[] = [{role: 'viewer'}];
const nothing: readonly Grant[] = [];

/**
 * What holds without a file: root and the daemon's own user may do everything, as they could do without it; members of the
 * socket's group may look; and nobody else may do anything, wherever they call from.
 */
export const defaultPolicy = ({uid, socketGid}: LocalOwners): Policy => ({
  grants(caller) {
    if (caller.kind !== 'local') return nothing;
    if (caller.uid === 0 || caller.uid === uid) return operator;
    const gid = socketGid();
    return gid !== undefined && caller.gids.includes(gid) ? viewer : nothing;
  },
});
