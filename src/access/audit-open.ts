import {closeSync, constants, fstatSync, openSync, readSync} from 'node:fs';
import {dirname} from 'node:path';
import {AuditError} from './audit.js';

const {O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW} = constants;

/** Also for reading: the end of the last line is looked at, and a FIFO, which is refused once seen, is not waited for. */
const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW;

interface Opened {
  readonly fd: number;
  /** Device and inode: the same for two descriptors of one file. */
  readonly identity: string;
  /** Octets. */
  readonly size: number;
  /** The last line has no end. */
  readonly isTorn: boolean;
}

/** Throws `AuditError`. */
export function openForAppending(path: string): Opened {
  const fd = open(path);
  try {
    const {dev, ino} = fstatSync(fd, {bigint: true});
    return {fd, identity: `${dev}:${ino}`, ...inspect(fd, path)};
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function open(path: string): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw refusal(path, 'is a symbolic link; name the file itself', error);
    if (code === 'ENOENT') throw refusal(path, `cannot be made: the directory ${dirname(path)} does not exist`, error);
    if (code === 'EISDIR') throw refusal(path, 'is a directory', error);
    throw refusal(path, error instanceof Error ? error.message : String(error), error);
  }
}

function inspect(fd: number, path: string): Pick<Opened, 'size' | 'isTorn'> {
  const stats = fstatSync(fd);
  if (!stats.isFile()) throw refusal(path, 'is no regular file; without the flag the lines go to the log');
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) {
    throw refusal(path, `belongs to uid ${stats.uid}, who could change it; it must be the daemon's or root's`);
  }
  if ((stats.mode & 0o022) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw refusal(path, `others than its owner may write to it (mode ${mode}): chmod go-w ${path}`);
  }
  return {size: stats.size, isTorn: stats.size > 0 && !endsInNewline(fd, stats.size)};
}

function endsInNewline(fd: number, size: number): boolean {
  const last = new Uint8Array(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

const refusal = (path: string, reason: string, cause?: unknown): AuditError =>
  new AuditError(`--audit-log ${path}${reason.startsWith('E') ? ':' : ''} ${reason}`, {cause});
