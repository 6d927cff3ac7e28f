import {isUtf8} from 'node:buffer';
import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {BoundPolicy} from './bound-policy.js';
import {PolicyError} from './policy-error.js';
import {parsePolicy} from './policy-parser.js';

/**
 * Octets. Enough for some five thousand identities. Parsing holds up everything else the daemon does, BGP included, for
 * about a second for each MiB.
 */
const largest = 256 * 1024;
const writableByOthers = 0o022;

/**
 * Reads a policy. Whoever may write the file may do everything with the daemon, so it must belong to root or to the daemon's
 * own user, and nobody else may be able to write to it.
 *
 * @throws {PolicyError} that names every mistake
 */
export async function readPolicy(path: string): Promise<BoundPolicy> {
  const {bindings, faults} = parsePolicy(await readText(path));
  if (faults.length > 0) throw new PolicyError(path, faults);
  return new BoundPolicy(bindings);
}

async function readText(path: string): Promise<string> {
  try {
    // Without O_NONBLOCK a named pipe would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await readSafely(path, file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PolicyError(path, [{text: reason}], {cause: error});
  }
}

/** Judges the file that is open, not whichever has the name a moment later. */
async function readSafely(path: string, file: FileHandle): Promise<string> {
  const refuse = (text: string): never => {
    throw new PolicyError(path, [{text}]);
  };
  const stats = await file.stat();
  if (!stats.isFile()) refuse('not a file');
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) {
    refuse(`belongs to uid ${stats.uid}, who could grant anything: it must be root's or the daemon's own (chown)`);
  }
  if ((stats.mode & writableByOthers) !== 0) {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    refuse(`has mode ${mode}, so that its group or everybody could grant anything: take that away (chmod go-w)`);
  }
  // One more, to see a file that grows.
  const buffer = Buffer.alloc(largest + 1);
  let length = 0;
  for (;;) {
    const {bytesRead} = await file.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) break;
  }
  if (length > largest) refuse(`has more than ${largest} octets`);
  const octets = buffer.subarray(0, length);
  if (!isUtf8(octets)) refuse('is not UTF-8 text');
  return octets.toString();
}
