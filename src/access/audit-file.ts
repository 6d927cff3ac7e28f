import {closeSync, fstatSync, ftruncateSync, writeSync} from 'node:fs';
import {openForAppending} from './audit-open.js';
import {type Fallocate, RoomAhead} from './audit-room.js';

/** The file of an audit log, open for appending. What it throws are errors of Node.js, with `code`. */
export class AuditFile implements Disposable {
  readonly #fd: number;
  readonly #identity: string;
  readonly #room: RoomAhead;
  /** Octets, when last looked at. */
  #size: number;
  #isGone = false;
  /** It ends in half a line: the next one begins with a newline. */
  #isTorn: boolean;

  /**
   * Made with mode 0600 where it is missing. A last line that a former run could not finish is ended before the next.
   *
   * @param fallocate fallocate(2); without it, and on file systems that lack it, `ensure` only sees what is free
   * @throws {AuditError} where it cannot be had, is no regular file, or others than its owner may write to it
   */
  constructor(path: string, fallocate: Fallocate | undefined) {
    const {fd, identity, size, isTorn} = openForAppending(path);
    this.#fd = fd;
    this.#identity = identity;
    this.#size = size;
    this.#isTorn = isTorn;
    this.#room = new RoomAhead(fd, fallocate);
  }

  /** The file has no name any more: what is written to it is gone when it is closed. As of the last look. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Room is kept, not only looked at. Known after the first `ensure`. */
  get keepsRoom(): boolean {
    return this.#room.isKept;
  }

  /** Two descriptors of one file. */
  isSame(other: AuditFile): boolean {
    return this.#identity === other.#identity;
  }

  /** Sees what others did to it. To be called before the others, since callers write in one go. */
  look(): void {
    const {size, nlink} = fstatSync(this.#fd);
    // Somebody has cut it, and what was allocated beyond its end went with that.
    if (size < this.#size) this.#room.forget();
    this.#size = size;
    this.#isGone = nlink === 0;
  }

  /** Throws where the file cannot grow by so many octets. */
  ensure(octets: number): void {
    this.#room.ensure(this.#size, octets + 1); // the newline that ends half a line
  }

  /** The whole line or nothing of it. */
  append(line: string): void {
    const octets = Buffer.from(this.#isTorn ? `\n${line}` : line, 'latin1');
    let written = 0;
    try {
      while (written < octets.length) written += writeSync(this.#fd, octets, written);
    } catch (error) {
      this.#room.forget(); // what was thought to be there is not
      if (written > 0 && !this.#cut(this.#size + written, this.#size)) this.#isTorn = true;
      throw error;
    }
    this.#isTorn = false;
    this.#size += octets.length;
  }

  [Symbol.dispose](): void {
    try {
      // Room that is kept beyond the end goes with the descriptor only if somebody says so.
      if (this.#room.end > this.#size) this.#cut(this.#size, this.#size);
    } finally {
      closeSync(this.#fd);
    }
  }

  /** Shortens the file, unless somebody else has written to it, or it may only grow (chattr +a). */
  #cut(from: number, to: number): boolean {
    try {
      if (fstatSync(this.#fd).size !== from) return false;
      ftruncateSync(this.#fd, to);
      return true;
    } catch {
      return false;
    }
  }
}
