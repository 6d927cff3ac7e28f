import {type FileWatch, type FileWatchOptions, watchFiles} from '../config/file-watch.js';
import {Listeners} from '../config/listeners.js';
import {messageOf} from '../services/step.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {BoundPolicy} from './bound-policy.js';
import type {PolicySource} from './policy.js';
import {PolicyError} from './policy-error.js';
import {readPolicy} from './policy-file.js';

export interface FilePolicyOptions extends FileWatchOptions {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'policyReloads' | 'policyStale'>;
}

/**
 * The policy of a file, read anew whenever that changes. One that cannot be used is reported, and the last good one stays:
 * a slip in an editor shall neither lock everybody out nor let anybody in.
 */
export class FilePolicySource implements PolicySource, Disposable {
  readonly #path: string;
  readonly #options: FilePolicyOptions;
  readonly #watch: FileWatch;
  readonly #opened: Promise<boolean>;
  readonly #listeners = new Listeners();
  #current = new BoundPolicy([]);

  private constructor(path: string, options: FilePolicyOptions) {
    this.#path = path;
    this.#options = options;
    for (const outcome of ['ok', 'error']) options.metrics.policyReloads.inc({outcome}, 0);
    options.metrics.policyStale.set(0);
    // The watch comes first, so that no change falls between it and the reading.
    this.#watch = watchFiles([path], () => this.#readAgain(), options);
    this.#opened = this.#read();
  }

  /** Throws `PolicyError` where the file cannot be used now. */
  static async open(path: string, options: FilePolicyOptions): Promise<FilePolicySource> {
    const source = new FilePolicySource(path, options);
    try {
      await source.#opened;
      options.log.info('policy.loaded', {file: path, identities: source.current.size});
      return source;
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  }

  get current(): BoundPolicy {
    return this.#current;
  }

  /** The listener must not throw. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Reads the file, whether or not it looks changed: for SIGHUP. Never throws: what is wrong is reported. */
  reload(): Promise<void> {
    return this.#watch.refresh();
  }

  /** Looks now whether the file has changed, and reads it if so. Never throws. */
  check(): Promise<void> {
    return this.#watch.check();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#listeners.clear();
  }

  async #readAgain(): Promise<void> {
    const {log, metrics} = this.#options;
    // A source that could not be opened is nobody's, and the reason is told already.
    if (
      !(await this.#opened.then(
        () => true,
        () => false,
      ))
    )
      return;
    try {
      const isChanged = await this.#read();
      metrics.policyReloads.inc({outcome: 'ok'});
      metrics.policyStale.set(0);
      log.info('policy.reloaded', {file: this.#path, changed: isChanged});
    } catch (error) {
      metrics.policyReloads.inc({outcome: 'error'});
      metrics.policyStale.set(1);
      const errors = error instanceof PolicyError ? error.lines : [messageOf(error)];
      log.error('policy.rejected', {file: this.#path, errors, consequence: 'the former policy stays'});
    }
  }

  /** Returns whether another policy is in force now. Throws `PolicyError`. */
  async #read(): Promise<boolean> {
    const policy = await readPolicy(this.#path);
    // Comments, order and the like are no reason to look at every watch and call again.
    if (policy.digest === this.#current.digest) return false;
    this.#current = policy;
    this.#listeners.tell();
    return true;
  }
}
