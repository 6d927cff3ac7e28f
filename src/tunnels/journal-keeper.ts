import {messageOf} from '../services/step.js';
import type {Logger} from '../telemetry/logger.js';
import type {Journal, JournalEntry} from './journal.js';
import type {Tunnel} from './tunnel.js';

/** Writes tunnels to the journal: `put` where an operation depends on it, `keep` and `strike` where one has failed already. */
export class JournalKeeper {
  /** Tunnels whose entry says that something was begun and is not known to have ended. */
  readonly #unfinished: Set<string>;

  constructor(
    private readonly journal: Journal,
    private readonly log: Logger,
  ) {
    this.#unfinished = new Set(journal.restored?.filter(isUnfinished).map(({name}) => name));
  }

  /** Nothing is known of what a former run may have left. */
  get isNew(): boolean {
    return this.journal.isNew;
  }

  /** @throws {JournalError} */
  async put(tunnel: Tunnel, change: Partial<JournalEntry> = {}): Promise<void> {
    const entry = entryOf(tunnel, change);
    await this.journal.put(entry);
    if (isUnfinished(entry)) this.#unfinished.add(entry.name);
    else this.#unfinished.delete(entry.name);
  }

  /** @throws {JournalError} */
  async delete(name: string): Promise<void> {
    await this.journal.delete(name);
    this.#unfinished.delete(name);
  }

  /** Whether the next start would finish the tunnel, rather than take its device as it finds it. */
  isUnfinished(name: string): boolean {
    return this.#unfinished.has(name);
  }

  /**
   * Writes what a failed operation comes back to. Another failure on top is logged and resolved to, in words: the first one
   * is the caller's answer.
   */
  async keep(tunnel: Tunnel, change: Partial<JournalEntry> = {}): Promise<string | undefined> {
    return this.put(tunnel, change).then(() => undefined, this.#unwritable(tunnel.name));
  }

  /** As `keep`, of a tunnel of which nothing is left. */
  async strike(name: string): Promise<string | undefined> {
    return this.delete(name).then(() => undefined, this.#unwritable(name));
  }

  #unwritable(tunnel: string): (error: unknown) => string {
    return error => {
      this.log.error('journal.unwritable', {tunnel, error: messageOf(error)});
      return messageOf(error);
    };
  }
}

const isUnfinished = ({former, unfinished = false}: JournalEntry): boolean => former !== undefined || unfinished;

const entryOf = ({name, uid, createTime, updateTime, spec}: Tunnel, change: Partial<JournalEntry>): JournalEntry => ({
  name,
  uid,
  createTime: createTime ?? new Date(),
  updateTime: updateTime ?? new Date(),
  spec,
  ...change,
});
