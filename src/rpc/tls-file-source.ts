import {type FileWatch, type FileWatchOptions, watchFiles} from '../config/file-watch.js';
import {Listeners} from '../config/listeners.js';
import type {TlsFiles} from '../config/tls-files.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import type {TlsCredentials, TlsSource} from './tls-credentials.js';
import {TlsError} from './tls-error.js';
import {TlsExpiry} from './tls-expiry.js';
import {readTls, type TlsReading} from './tls-reading.js';

export interface TlsFileSourceOptions extends FileWatchOptions {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'tlsReloads' | 'tlsStale' | 'tlsDaysToExpiry'>;
  readonly now?: () => Date;
}

/** Milliseconds. Certificates expire, or become valid, while their files stay as they are. */
const tick = 60_000;

/**
 * The credentials of the files, read anew whenever these change. Files that cannot be used are reported, and the last good
 * ones stay; so does a certificate whose key has not come yet, for a moment.
 */
export class TlsFileSource implements TlsSource, Disposable {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #metrics: TlsFileSourceOptions['metrics'];
  readonly #now: () => Date;
  readonly #expiry: TlsExpiry;
  readonly #watch: FileWatch;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Listeners();
  #current: TlsCredentials;
  #isStale = false;

  private constructor(files: TlsFiles, options: TlsFileSourceOptions) {
    const {log, metrics, now = () => new Date()} = options;
    this.#files = files;
    this.#log = log;
    this.#metrics = metrics;
    this.#now = now;
    this.#expiry = new TlsExpiry(log, metrics, now);
    // The watch comes first, so that no change falls between it and the reading.
    this.#watch = watchFiles([files.cert, files.key, files.clientCa], () => this.#readAgain(), options);
    try {
      const reading = readTls(files, now());
      this.#current = reading.credentials;
      log.info('tls.loaded', endsOf(reading));
      this.#tellOf(reading);
    } catch (error) {
      this.#watch[Symbol.dispose]();
      throw error;
    }
    metrics.tlsStale.set(0);
    this.#timer = setInterval(() => this.look(), tick).unref();
  }

  /** @throws {TlsError} where the files cannot be used now */
  static open(files: TlsFiles, options: TlsFileSourceOptions): TlsFileSource {
    return new TlsFileSource(files, options);
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  /** The listener must not throw. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Reads the files, whether or not they look changed: for SIGHUP. Never throws: what is wrong is reported. */
  reload(): Promise<void> {
    return this.#watch.refresh();
  }

  /** Looks now whether the files have changed, and reads them if so. Never throws. */
  check(): Promise<void> {
    return this.#watch.check();
  }

  /** What the timer does: looks at what time does to certificates. */
  look(): void {
    this.#expiry.look();
    // A certificate that was not valid yet may be so by now, without a change of its file.
    if (!this.#isStale) return;
    const reading = this.#attempt();
    if (!(reading instanceof Error)) this.#use(reading);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#watch[Symbol.dispose]();
    this.#listeners.clear();
  }

  #readAgain(): void {
    const reading = this.#attempt();
    if (reading instanceof Error) this.#reject(reading);
    else this.#use(reading);
  }

  #attempt(): TlsReading | Error {
    try {
      return readTls(this.#files, this.#now());
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #use(reading: TlsReading): void {
    const former = this.#current;
    const {cert, key, clientCa} = reading.credentials;
    const isChanged = cert !== former.cert || key !== former.key || clientCa !== former.clientCa;
    this.#isStale = false;
    this.#metrics.tlsStale.set(0);
    this.#metrics.tlsReloads.inc({outcome: 'ok'});
    this.#log.info('tls.reloaded', {changed: isChanged, ...endsOf(reading)});
    if (!isChanged) return;
    this.#current = reading.credentials;
    this.#tellOf(reading);
    this.#listeners.tell();
  }

  #reject(error: Error): void {
    this.#isStale = true;
    this.#metrics.tlsStale.set(1);
    this.#metrics.tlsReloads.inc({outcome: 'error'});
    const problems = error instanceof TlsError ? error.problems : [{problem: error.message}];
    const consequence = 'the former certificates stay in use';
    for (const problem of problems) this.#log.error('tls.rejected', {...problem, consequence});
  }

  #tellOf({validity, warnings}: TlsReading): void {
    for (const warning of warnings) this.#log.warn('tls.warning', {...warning});
    this.#expiry.use(validity);
  }
}

/** Until when the files are valid, as fields of the log. */
const endsOf = ({validity}: TlsReading): Record<string, string> =>
  Object.fromEntries(
    validity.map(({flag, to}) => [`${flag.slice('--'.length).replaceAll('-', '_')}_end`, to.toISOString()]),
  );
