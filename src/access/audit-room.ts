import {statfsSync} from 'node:fs';

/** fallocate(2). Throws an error with `code`, the name of the errno. */
export type Fallocate = (fd: number, mode: number, offset: number, length: number) => void;

/** FALLOC_FL_KEEP_SIZE of linux/falloc.h: blocks are allocated beyond the end of the file, and the end stays. */
const keepSize = 1;

/** Octets that are allocated at a time, where there are so many: most records then need no call. */
const stride = 256 * 1024;

/** Octets that others may take between the look at what is free and the record, where nothing can be kept. */
const margin = 64 * 1024;

const unsupported: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

/** Room beyond the end of a file. */
export class RoomAhead {
  /** Offset up to which blocks are allocated, as far as is known; 0 before the first one is. */
  #end = 0;
  #fallocate: Fallocate | undefined;

  constructor(
    private readonly fd: number,
    fallocate: Fallocate | undefined,
  ) {
    this.#fallocate = fallocate;
  }

  get end(): number {
    return this.#end;
  }

  /** Room that was ensured stays there for this file. Otherwise others may take it. */
  get isKept(): boolean {
    return this.#fallocate !== undefined;
  }

  /** What was allocated is so no more. */
  forget(): void {
    this.#end = 0;
  }

  /** Throws an error with `code` (ENOSPC, EDQUOT, …) where the file cannot grow from `size` by so many octets. */
  ensure(size: number, octets: number): void {
    if (this.#end >= size + octets) return;
    if (this.#fallocate) this.#allocate(this.#fallocate, size, octets);
    else this.#lookAtFree(octets);
  }

  #allocate(fallocate: Fallocate, size: number, octets: number): void {
    const lengths = octets < stride ? [stride, octets] : [octets];
    for (const length of lengths) {
      try {
        fallocate(this.fd, keepSize, size, length);
        this.#end = size + length;
        return;
      } catch (error) {
        if (unsupported.has(codeOf(error))) {
          this.#fallocate = undefined;
          this.#lookAtFree(octets);
          return;
        }
        if (length === octets) throw error;
      }
    }
  }

  /** What is free to those without privileges: the daemon gives up that of using the rest. */
  #lookAtFree(octets: number): void {
    const {bavail, bsize} = statfsSync(`/proc/self/fd/${this.fd}`);
    if (bavail * bsize >= octets + margin) return;
    throw Object.assign(new Error('ENOSPC: no space left on device, statfs'), {code: 'ENOSPC'});
  }
}

export const codeOf = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
};
