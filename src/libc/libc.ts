import {createRequire} from 'node:module';
import type Koffi from 'koffi';

type Call<Arguments extends unknown[]> = (...args: Arguments) => number;

/** Functions of the C library that Node.js has no way to. Each answers -1 where it fails; `errno` then says why. */
export interface Libc {
  socket: Call<[domain: number, type: number, protocol: number]>;
  /** `length` is read, and then says how many octets there are. */
  getsockopt: Call<[fd: number, level: number, name: number, value: Uint8Array, length: Uint32Array]>;
  setsockopt: Call<[fd: number, level: number, name: number, value: Uint8Array, length: number]>;
  sendto: Call<[fd: number, data: Uint8Array, length: number, flags: number, to: Uint8Array, toLength: number]>;
  recv: Call<[fd: number, into: Uint8Array, length: number, flags: number]>;
  close: Call<[fd: number]>;
  fcntl: Call<[fd: number, command: number, value: number]>;
  /** May take as long as the disk does, which the event loop waits for. */
  fallocate: Call<[fd: number, mode: number, offset: number, length: number]>;
  /** Of the calling thread, as all that concerns privileges. */
  prctl: Call<[option: number, second?: number, third?: number, fourth?: number, fifth?: number]>;
  capset: Call<[header: Uint8Array, data: Uint8Array]>;
  /** Both lists end with a null. Does not come back where it goes well. */
  execve: Call<[path: string, args: readonly (string | null)[], environment: readonly (string | null)[]]>;
  errno(): number;
}

/** There is no way to call C functions here; the text says why. */
export class LibcUnavailable extends Error {
  override readonly name = 'LibcUnavailable';
}

const unavailable =
  `the npm package koffi has no binary for ${process.platform} ${process.arch}, ` +
  'or was left out at installation (npm ci --omit=optional)';

let opened: Libc | LibcUnavailable | undefined;

/**
 * The one front door of `koffi`, which calls C functions. It takes 20 ms and 4 MB the first time, so nobody calls this
 * before there is a need. Synchronous: some of what it is for cannot wait.
 *
 * @throws {LibcUnavailable} where the package is not installed or has no binary for this machine
 */
export function openLibc(): Libc {
  opened ??= load();
  if (opened instanceof LibcUnavailable) throw opened;
  return opened;
}

function load(): Libc | LibcUnavailable {
  try {
    const koffi: typeof Koffi = createRequire(import.meta.url)('koffi');
    return declare(koffi);
  } catch (cause) {
    return new LibcUnavailable(unavailable, {cause});
  }
}

function declare(koffi: typeof Koffi): Libc {
  const libc = koffi.load(null); // what this process has loaded already, the C library among it
  // These two take a varying number of arguments, which some machines pass in another way: the types go with them.
  const fcntl = libc.func('int fcntl(int, int, ...)');
  const prctl = libc.func('int prctl(int, ...)');
  const long = 'unsigned long';
  return {
    socket: libc.func('int socket(int, int, int)'),
    getsockopt: libc.func('int getsockopt(int, int, int, void *, void *)'),
    setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    sendto: libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
    recv: libc.func('intptr_t recv(int, void *, size_t, int)'),
    close: libc.func('int close(int)'),
    fcntl: (fd, command, value) => fcntl(fd, command, 'int', value),
    fallocate: libc.func(`int ${fallocate(libc)}(int, int, int64_t, int64_t)`),
    prctl: (option, ...[second = 0, third = 0, fourth = 0, fifth = 0]) =>
      prctl(option, long, second, long, third, long, fourth, long, fifth),
    capset: libc.func('int capset(void *, const void *)'),
    execve: libc.func('int execve(const char *, const char **, const char **)'),
    errno: () => koffi.errno(),
  };
}

/** Where the plain one counts with 32 bits (glibc on 32-bit machines) there is another; musl has one for all. */
function fallocate(libc: ReturnType<typeof Koffi.load>): string {
  try {
    libc.func('int fallocate64(int, int, int64_t, int64_t)');
    return 'fallocate64';
  } catch {
    return 'fallocate';
  }
}
