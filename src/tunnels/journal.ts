import {access, constants, mkdir, open, readdir, readFile, rename, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {formatEntry, type JournalEntry, parseEntry} from './journal-entry.js';

export type {JournalEntry};

/** The state directory cannot be used; the text says why and, where it helps, what to do. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}

/** What shall be on this host, kept beyond the life of the process. Nothing that can be derived is in it. */
export interface Journal {
  /** What was found at the start; `undefined` where it could not be read, and so nothing is known. */
  readonly restored: readonly JournalEntry[] | undefined;
  /** There was none before: what is in the kernel may be of a program that this daemon takes the place of. */
  readonly isNew: boolean;
  /** Resolves when the entry would survive a loss of power. Both fail with `JournalError` and leave the journal as it was. */
  put(entry: JournalEntry): Promise<void>;
  delete(name: string): Promise<void>;
}

/** Of a daemon that works on a model, which is gone with the process. */
export const noJournal: Journal = {
  restored: [],
  isNew: true,
  put: async () => {},
  delete: async () => {},
};

const version = 1;
const fileName = 'tunnels.json';
/** Of a file that was set aside, before the time. */
const corruptSuffix = '.corrupt-';

/** One small JSON file, replaced as a whole by a rename and synced, so that a crash leaves the old or the new one. */
export class FileJournal implements Journal {
  readonly #path: string;
  readonly #entries: Map<string, JournalEntry>;
  /** What the file says, if there is one. */
  #text: string | undefined;
  readonly restored: readonly JournalEntry[] | undefined;
  readonly isNew: boolean;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, {restored, isNew, text}: Found) {
    this.#path = path;
    this.#text = text;
    this.restored = restored;
    this.isNew = isNew;
    this.#entries = new Map(restored?.map(entry => [entry.name, entry]));
  }

  /**
   * Reads the journal of the directory, which is made where it is missing. A corrupt file is set aside, and `onCorrupt`
   * is told where and why, at each start until another is written. Throws `JournalError` for a file of a newer version, and where the directory cannot be used.
   */
  static async open(directory: string, onCorrupt: (setAside: string, reason: string) => void): Promise<FileJournal> {
    const path = join(directory, fileName);
    try {
      await mkdir(directory, {recursive: true, mode: 0o700});
      // Whether it can be written to shows now, not at the first tunnel.
      await access(directory, constants.W_OK);
      return new FileJournal(path, await read(path, onCorrupt));
    } catch (error) {
      if (error instanceof JournalError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new JournalError(`--state-dir ${directory}: ${reason}`, {cause: error});
    }
  }

  async put(entry: JournalEntry): Promise<void> {
    await this.#change(() => this.#entries.set(entry.name, entry));
  }

  async delete(name: string): Promise<void> {
    await this.#change(() => this.#entries.delete(name));
  }

  /** One write after the other: the slots change their entries independently of each other. */
  async #change(change: () => unknown): Promise<void> {
    const turn = this.#last.then(async () => {
      const before = new Map(this.#entries);
      change();
      try {
        await this.#save();
      } catch (error) {
        this.#entries.clear();
        for (const [name, entry] of before) this.#entries.set(name, entry);
        const reason = error instanceof Error ? error.message : String(error);
        throw new JournalError(`the journal cannot be written: ${reason}`, {cause: error});
      }
    });
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  async #save(): Promise<void> {
    const tunnels = [...this.#entries.values()].map(formatEntry);
    const text = `${JSON.stringify({version, tunnels}, null, 2)}\n`;
    await this.#put(text);
    try {
      await this.#syncDirectory();
    } catch (error) {
      // The new file is in its place, and a restart would act on what was refused.
      await (this.#text === undefined ? rm(this.#path) : this.#put(this.#text)).catch(() => undefined);
      throw error;
    }
    this.#text = text;
  }

  async #put(text: string): Promise<void> {
    const temporary = `${this.#path}.new`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
    } catch (error) {
      // Where the disk is full it would keep it so.
      await rm(temporary, {force: true}).catch(() => undefined);
      throw error;
    }
  }

  /** A rename is only durable once the directory is. */
  async #syncDirectory(): Promise<void> {
    const directory = await open(dirname(this.#path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** What a journal was found to be. */
interface Found extends Pick<Journal, 'restored' | 'isNew'> {
  /** The file as it is; absent where there is none. */
  readonly text?: string;
}

async function read(path: string, onCorrupt: (setAside: string, reason: string) => void): Promise<Found> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const setAside = (await readdir(dirname(path))).filter(name => name.startsWith(`${fileName}${corruptSuffix}`));
    const last = setAside.sort().at(-1);
    if (last === undefined) return {restored: [], isNew: true};
    // Nothing has been written since, so no more is known than when that was set aside.
    onCorrupt(join(dirname(path), last), 'it was set aside by an earlier start');
    return {restored: undefined, isNew: false};
  }
  try {
    return {restored: parse(text, path), isNew: false, text};
  } catch (error) {
    if (error instanceof JournalError) throw error;
    const setAside = `${path}${corruptSuffix}${new Date().toISOString().replaceAll(':', '')}`;
    await rename(path, setAside);
    onCorrupt(setAside, error instanceof Error ? error.message : String(error));
    return {restored: undefined, isNew: false};
  }
}

function parse(text: string, path: string): JournalEntry[] {
  const content: unknown = JSON.parse(text);
  if (typeof content !== 'object' || content === null || !('version' in content)) throw new TypeError('no version');
  if (typeof content.version === 'number' && content.version > version) {
    throw new JournalError(
      `${path} was written by a newer doublezerod (version ${content.version} of the format, this one knows ${version}): ` +
        'run that one, or move the file away to start without it',
    );
  }
  if (content.version !== version) throw new TypeError(`version ${JSON.stringify(content.version)}`);
  if (!('tunnels' in content) || !Array.isArray(content.tunnels)) throw new TypeError('no list of tunnels');
  const entries = content.tunnels.map(parseEntry);
  const names = new Set(entries.map(({name}) => name));
  if (names.size < entries.length) throw new TypeError('two tunnels of the same interface');
  return entries;
}
