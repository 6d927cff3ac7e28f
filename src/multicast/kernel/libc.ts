import {getSystemErrorName} from 'node:util';
import {SocketError, type SocketErrorKind} from '../sockets.js';

type Call<Arguments extends unknown[]> = (...args: Arguments) => number;

/** The C library's socket calls. Each answers -1 where it fails; `errno` then says why. */
export interface Libc {
  socket: Call<[domain: number, type: number, protocol: number]>;
  setsockopt: Call<[fd: number, level: number, name: number, value: Uint8Array, length: number]>;
  sendto: Call<[fd: number, data: Uint8Array, length: number, flags: number, to: Uint8Array, toLength: number]>;
  recv: Call<[fd: number, into: Uint8Array, length: number, flags: number]>;
  close: Call<[fd: number]>;
  errno(): number;
}

const unavailable =
  'multicast needs raw sockets, which Node.js has not: the npm package koffi has no binary for ' +
  `${process.platform} ${process.arch}, or was left out at installation (npm ci --omit=optional)`;

/**
 * The one front door of `koffi`, which calls C functions. It is only loaded when the first multicast tunnel is set up:
 * other hosts need neither the package nor the 20 ms and 4 MB it takes.
 *
 * @throws {SocketError} `unsupported` where it is not installed or has no binary for this machine
 */
export async function loadLibc(): Promise<Libc> {
  try {
    const {default: koffi} = await import('koffi');
    const libc = koffi.load(null); // what this process has loaded already, the C library among it
    return {
      socket: libc.func('int socket(int, int, int)'),
      setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)'),
      sendto: libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
      recv: libc.func('intptr_t recv(int, void *, size_t, int)'),
      close: libc.func('int close(int)'),
      errno: () => koffi.errno(),
    };
  } catch (cause) {
    throw new SocketError('koffi', 'unsupported', '', {message: unavailable, cause});
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
