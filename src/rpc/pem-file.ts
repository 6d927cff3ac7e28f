import {closeSync, constants, fstatSync, openSync, readFileSync} from 'node:fs';

/** Why a file is of no use; the text is to be read behind the name of the file. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`. */
  readonly label: string;
  /** From BEGIN to END. */
  readonly pem: string;
}

export interface PemFile {
  readonly blocks: readonly PemBlock[];
  /** Of the file that was read, whatever is in its place by now. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Bundles of all the CAs of the world are smaller. */
const largestFile = 1024 * 1024;

/** RFC 7468 §2; what stands between the blocks is commentary. */
const block = /^-----BEGIN (?<label>[A-Z0-9 ]+)-----\r?\n(?:(?!-----)[\s\S])*?^-----END \k<label>-----[ \t]*\r?$/gm;

/** @throws {Unusable} */
export function readPemFile(path: string): PemFile {
  const {text, ...file} = readText(path);
  const blocks = [...text.matchAll(block)].map(({0: pem, groups}) => ({label: groups?.label ?? '', pem: `${pem}\n`}));
  if (text.trim() === '') throw new Unusable('is empty');
  // One that is cut off, or put together badly, is not to be passed over: it may be the CA that is looked for.
  const begun = text.match(/-----BEGIN /g)?.length ?? 0;
  if (begun === 0) throw new Unusable('is not PEM: no line in it begins with "-----BEGIN"');
  if (begun !== blocks.length)
    throw new Unusable('is damaged: a BEGIN line is without its END line, or not on its own');
  return {...file, blocks};
}

function readText(path: string) {
  let descriptor: number;
  try {
    // Without O_NONBLOCK a FIFO would keep the daemon waiting for whoever writes to it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Unusable(describe(error), {cause: error});
  }
  try {
    // Of what is open: the name may lead elsewhere from one moment to the next.
    const stats = fstatSync(descriptor);
    if (stats.isDirectory()) throw new Unusable('is a directory');
    if (!stats.isFile()) throw new Unusable('is not a regular file');
    if (stats.size > largestFile) throw new Unusable(`is larger than ${largestFile} octets`);
    const {mode, uid, gid} = stats;
    return {text: readFileSync(descriptor, 'latin1'), mode, uid, gid};
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable(describe(error), {cause: error});
  } finally {
    closeSync(descriptor);
  }
}

function describe(error: unknown): string {
  const {code, message} = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by the daemon';
  return `cannot be read: ${message}`;
}
