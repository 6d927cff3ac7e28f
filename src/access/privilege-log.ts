import {readdirSync} from 'node:fs';
import type {Logger} from '../telemetry/logger.js';
import {namesOf, readPrivileges} from './capabilities.js';

/** Says what this process holds. */
export function logPrivileges(log: Logger): void {
  log.info('daemon.privileges', {uid: process.geteuid?.(), gid: process.getegid?.(), ...holdings()});
}

/** Warns that it holds more than it needs. */
export function warnOfPrivileges(log: Logger, reason: string): void {
  const remedy = 'start it with nothing but CAP_NET_ADMIN and CAP_NET_RAW (CapabilityBoundingSet= in a systemd unit)';
  log.warn('daemon.privileges_kept', {reason, remedy});
}

/** Of all threads: each has its own, and what one of them holds the process holds. */
function holdings() {
  try {
    const threads = readdirSync('/proc/self/task').map(readPrivileges);
    return {
      capabilities: namesOf(threads.reduce((all, {permitted}) => all | permitted, 0n)),
      no_new_privs: threads.every(({noNewPrivileges}) => noNewPrivileges),
    };
  } catch (error) {
    return {capabilities: `not known: ${error instanceof Error ? error.message : error}`};
  }
}
