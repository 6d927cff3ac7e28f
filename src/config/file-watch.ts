import {type BigIntStats, statSync} from 'node:fs';
import {stat} from 'node:fs/promises';

export interface FileWatchOptions {
  /** Milliseconds between two looks. */
  readonly period?: number;
}

export interface FileWatch extends Disposable {
  /** Looks now, and does not wait for the files to come to rest. Resolves when `onChange` has run, if it had to. */
  check(): Promise<void>;
  /** Runs `onChange`, whether or not there is a change to see. Resolves when it has run: for SIGHUP. */
  refresh(): Promise<void>;
  /** What the timer does; for tests, which give a long period and do not wait for it. */
  look(): Promise<void>;
}

/** What is kept of each look is small, and a second is soon enough for files that people and programs swap. */
const defaultPeriod = 1000;
/** Part of the period after which files that have just changed are looked at again. */
const restShare = 1 / 4;
/** Files that never come to rest are read all the same, after so many looks that saw them change. */
const longestUnrest = 20;

/**
 * Says when one of the files has changed: written to, replaced by a rename, reached through a symbolic link that points
 * elsewhere now (also further up in its path, as in a Kubernetes volume, where `..data` is flipped), vanished or come back.
 * A burst of changes is one call: it comes when two looks in a row have seen the same, since a policy or a certificate of
 * which half is written is as good as wrong.
 *
 * It asks for what the path leads to, once a second, instead of `fs.watch`: inotify watches an inode, so it goes on with
 * the old file after a rename and sees nothing of a link that is flipped above it; it needs the file to be there; network
 * and overlay file systems tell it nothing; and when its queue overflows changes are lost.
 *
 * Changes count from this call on, so it comes before the first reading of the files. A change that keeps inode and size
 * and falls into the same tick of the kernel's clock (up to 10 ms) as the one seen before goes unseen.
 *
 * @param onChange must not throw: there is nobody to tell. It is not called again before the promise it returned is
 *   settled, nor after the watch is disposed of.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void | Promise<void>,
  {period = defaultPeriod}: FileWatchOptions = {},
): FileWatch {
  return new PollingWatch(paths, onChange, period);
}

class PollingWatch implements FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => void | Promise<void>;
  readonly #period: number;
  /** As they were when `onChange` was called last, and as they were at the last look. */
  #told: string;
  #seen: string;
  #unrest = 0;
  #isDisposed = false;
  #timer: NodeJS.Timeout | undefined;
  /** Looks wait for each other, so that what they call does too. */
  #queue: Promise<void> = Promise.resolve();

  constructor(paths: readonly string[], onChange: () => void | Promise<void>, period: number) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#period = period;
    // Not later: a change between the caller's first reading and the first look would never be seen.
    this.#told = paths.map(fingerprintNow).join('\n');
    this.#seen = this.#told;
    this.#schedule();
  }

  look(): Promise<void> {
    return this.#enqueue(now => {
      const isAtRest = now === this.#seen;
      this.#seen = now;
      if (now === this.#told) this.#unrest = 0;
      else if (isAtRest || ++this.#unrest >= longestUnrest) return this.#tell(now);
      return undefined;
    });
  }

  check(): Promise<void> {
    return this.#enqueue(now => (now === this.#told ? undefined : this.#tell(now)));
  }

  refresh(): Promise<void> {
    return this.#enqueue(now => this.#tell(now));
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  #enqueue(judge: (now: string) => void | Promise<void>): Promise<void> {
    const turn = this.#queue.then(async () => {
      if (this.#isDisposed) return;
      const now = (await Promise.all(this.#paths.map(fingerprintLater))).join('\n');
      if (!this.#isDisposed) await judge(now);
    });
    // One that failed is told to whoever asked for it, and the next one has its turn.
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #tell(now: string): void | Promise<void> {
    this.#told = now;
    this.#seen = now;
    this.#unrest = 0;
    return this.#onChange();
  }

  #schedule(): void {
    if (this.#isDisposed) return;
    const wait = this.#seen === this.#told ? this.#period : this.#period * restShare;
    this.#timer = setTimeout(() => this.look().finally(() => this.#schedule()), wait).unref();
  }
}

/** The times alone are not enough: what is renamed into place may be older than what was there. */
const fingerprint = ({dev, ino, size, mtimeNs, ctimeNs}: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ');

/** A file that is not there, or may not be looked at, is told by why: another reason is a change. */
const absence = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function fingerprintNow(path: string): string {
  try {
    return fingerprint(statSync(path, {bigint: true}));
  } catch (error) {
    return absence(error);
  }
}

const fingerprintLater = (path: string): Promise<string> => stat(path, {bigint: true}).then(fingerprint, absence);
