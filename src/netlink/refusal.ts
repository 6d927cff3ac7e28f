import {constants} from 'node:os';
import {NetlinkError, type NetlinkErrorKind, type Operation} from './netlinker.js';

const kinds = new Map<string, NetlinkErrorKind>([
  ['EEXIST', 'exists'],
  ['ENODEV', 'missing'],
  ['ENOENT', 'missing'],
  ['ESRCH', 'missing'],
  ['EADDRNOTAVAIL', 'missing'], // what deleting an address answers when the interface does not have it
  ['EOPNOTSUPP', 'unsupported'],
  ['EPROTONOSUPPORT', 'unsupported'], // what opening a netlink socket of a protocol unknown to the kernel answers
  ['EPERM', 'not-permitted'],
]);

/** What a lookup answers when no route leads there; said of a route to be added they mean its gateway. */
const noRoute = new Set(['ENETUNREACH', 'EHOSTUNREACH']);

/** The one place where an errno becomes a typed error. */
export function refusal(operation: Operation, errno: string, options?: ErrorOptions): NetlinkError {
  const kind = operation === 'routeGet' && noRoute.has(errno) ? 'missing' : kinds.get(errno);
  return new NetlinkError(operation, kind ?? 'other', errno, options);
}

const names = new Map(
  Object.entries(constants.errno)
    // Linux gives these two names to one number; the kernel's sources use EOPNOTSUPP.
    .filter(([name]) => name !== 'ENOTSUP')
    .map(([name, number]) => [number, name]),
);
names.set(constants.errno.EAGAIN, 'EAGAIN'); // and not EWOULDBLOCK

/** The name of a positive errno; `errno 512` for one that has none. */
export const errnoName = (errno: number): string => names.get(errno) ?? `errno ${errno}`;
