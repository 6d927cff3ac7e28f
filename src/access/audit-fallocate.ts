import {getSystemErrorName} from 'node:util';
import {LibcUnavailable, openLibc} from '../libc/libc.js';
import type {Fallocate} from './audit-room.js';

/** fallocate(2) of the C library, which Node.js has no way to; absent where that cannot be called. */
export function kernelFallocate(): Fallocate | undefined {
  try {
    const libc = openLibc();
    return (fd, mode, offset, length) => {
      if (libc.fallocate(fd, mode, offset, length) === 0) return;
      const code = getSystemErrorName(-libc.errno());
      throw Object.assign(new Error(`${code}: fallocate`), {code});
    };
  } catch (error) {
    if (error instanceof LibcUnavailable) return undefined;
    throw error;
  }
}
