import type {Socket} from 'node:net';
import {LibcUnavailable, openLibc} from '../libc/libc.js';
import type {Logger} from '../telemetry/logger.js';
import {anonymous, type Caller} from './caller.js';
import {localCallerOf} from './peer-credentials.js';

/**
 * How callers at the Unix socket are known. Where the kernel cannot be asked they are all anonymous, which is warned of:
 * without a policy that says otherwise none of them may do anything.
 */
export function localCallers(log: Logger): (socket: Socket) => Caller {
  try {
    openLibc();
    return localCallerOf;
  } catch (error) {
    if (!(error instanceof LibcUnavailable)) throw error;
    const consequence = 'all callers at the Unix socket are anonymous, and may do what --policy lets anonymous do';
    log.warn('access.callers_unknown', {reason: error.message, consequence});
    return () => anonymous;
  }
}
