import {getSystemErrorName} from 'node:util';
import {type Libc, LibcUnavailable, openLibc} from '../../libc/libc.js';
import {SocketError, type SocketErrorKind} from '../sockets.js';

/** Rejects with a `SocketError` `unsupported` where C functions cannot be called. */
export async function loadLibc(): Promise<Libc> {
  try {
    return openLibc();
  } catch (cause) {
    if (!(cause instanceof LibcUnavailable)) throw cause;
    const message = `multicast needs raw sockets, which Node.js has not: ${cause.message}`;
    throw new SocketError('koffi', 'unsupported', '', {message, cause});
  }
}

const kinds = new Map<string, SocketErrorKind>([
  ['EPERM', 'not-permitted'],
  ['EACCES', 'not-permitted'],
  ['ENODEV', 'missing'],
  ['ENXIO', 'missing'],
  ['EADDRNOTAVAIL', 'missing'],
]);

/** The one place where an errno becomes a typed error. */
export const refused = (operation: string, errno: string, options?: ErrorOptions): SocketError =>
  new SocketError(operation, kinds.get(errno) ?? 'other', errno, options);

/** What the last call failed with. */
export const lastError = (libc: Libc, operation: string): SocketError =>
  refused(operation, getSystemErrorName(-libc.errno()));
