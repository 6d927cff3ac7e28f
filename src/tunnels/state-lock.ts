import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {type FileHandle, mkdir, open, readdir, rename, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {isAnswered} from '../local-socket.js';
import {JournalError} from './journal.js';

/** Two daemons that start at the same moment see each other and both step back; then chance decides. */
const attempts = 4;
/** Milliseconds. */
const longestPause = 100;
/** What file systems say that know no sockets, such as those shared with the host of a virtual machine. */
const withoutSockets: ReadonlySet<string> = new Set(['ENXIO', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Keeps two daemons from writing one journal. Each has a socket in the directory, under a name that nobody else ever has,
 * and goes on only where no other is answered. The kernel closes a socket with its process, however that ends, so one that
 * is not answered is a dead daemon's. Files and not abstract names, since those are open to every user of the host.
 */
export class StateLock implements AsyncDisposable {
  readonly #server = createServer(socket => socket.destroy()).unref();
  readonly #name = `lock-${randomUUID()}`;

  private constructor(private readonly folder: FileHandle) {}

  /** Makes the directory where it is missing. Throws `JournalError` where a live daemon has it, or it cannot be used. */
  static async take(directory: string): Promise<StateLock> {
    try {
      await mkdir(directory, {recursive: true, mode: 0o700});
      const lock = new StateLock(await open(directory, 'r'));
      try {
        if (await lock.#take()) return lock;
      } catch (error) {
        await lock[Symbol.asyncDispose]();
        throw error;
      }
      await lock[Symbol.asyncDispose]();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new JournalError(`--state-dir ${directory}: ${reason}`, {cause: error});
    }
    throw new JournalError(`--state-dir ${directory}: another doublezerod works with it; give each its own`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hide();
    this.#server.close();
    await this.folder.close();
  }

  async #take(): Promise<boolean> {
    try {
      await listen(this.#server, this.#path(`.${this.#name}`));
    } catch (error) {
      // A daemon without this precaution is of more use than none.
      if (withoutSockets.has((error as NodeJS.ErrnoException).code ?? '')) return true;
      throw error;
    }
    for (let attempt = 1; ; attempt++) {
      // Seen before it looks: of any two at least the one that comes second sees the other.
      await rename(this.#path(`.${this.#name}`), this.#path(this.#name));
      if (!(await this.#seesAnother())) return true;
      await rename(this.#path(this.#name), this.#path(`.${this.#name}`));
      if (attempt === attempts) return false;
      await delay(Math.random() * longestPause);
    }
  }

  async #seesAnother(): Promise<boolean> {
    const others = (await readdir(this.#path('.'))).filter(name => /^lock-/.test(name) && name !== this.#name);
    for (const name of others) {
      if (await isAnswered(this.#path(name))) return true;
      await rm(this.#path(name), {force: true});
    }
    return false;
  }

  async #hide(): Promise<void> {
    for (const name of [this.#name, `.${this.#name}`]) await rm(this.#path(name), {force: true});
  }

  /** A path of any directory that is short enough for a socket (sun_path has 108 bytes). */
  #path(name: string): string {
    return `/proc/self/fd/${this.folder.fd}/${name}`;
  }
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}
