import {type ChildProcess, spawn} from 'node:child_process';
import {EventEmitter, on, once} from 'node:events';
import {createInterface} from 'node:readline';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';

/** One of the kernel's notifications about a link. */
export interface LinkEvent {
  readonly index: number;
  readonly name: string;
  readonly what: 'up' | 'down' | 'deleted';
  /** Milliseconds since the epoch, with fractions. */
  readonly time: number;
}

const line = /^\[(\S+)\.(\d+)\] (Deleted )?(\d+): ([^\s:@]+)(?:@\S+)?: <([^>]*)>/;

function parse(text: string): LinkEvent | undefined {
  const [, second, micros, deleted, index, name, flags] = line.exec(text) ?? [];
  if (second === undefined || name === undefined || flags === undefined) return undefined;
  const what = deleted ? 'deleted' : flags.split(',').includes('UP') ? 'up' : 'down';
  return {index: Number(index), name, what, time: Date.parse(`${second}Z`) + Number(micros) / 1000};
}

/** Listens to the link notifications of a namespace, through `ip monitor`: a judge that shares no code with the daemon. */
export class LinkMonitor implements AsyncDisposable {
  readonly events: LinkEvent[] = [];
  readonly #emitter = new EventEmitter();
  readonly #process: ChildProcess;

  private constructor(namespace: Namespace) {
    this.#process = spawn('ip', ['-n', namespace.name, '-o', '-ts', 'monitor', 'link'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.#process.stdout === null) throw new Error('no output from ip monitor');
    createInterface({input: this.#process.stdout}).on('line', text => {
      const event = parse(text);
      if (!event) return;
      this.events.push(event);
      this.#emitter.emit('event', event);
    });
  }

  /** Resolves when the kernel's notifications are seen to arrive. */
  static async open(namespace: Namespace): Promise<LinkMonitor> {
    const monitor = new LinkMonitor(namespace);
    // Nothing tells when `ip` has subscribed, so links come and go until one is noticed.
    while (monitor.events.length === 0) {
      const noticed = monitor.#next(AbortSignal.timeout(500));
      await namespace.batch('link add probe type dummy\nlink del probe\n');
      await noticed;
    }
    await monitor.seen('probe', 'deleted');
    monitor.events.length = 0;
    return monitor;
  }

  #next(signal: AbortSignal): Promise<unknown> {
    return once(this.#emitter, 'event', {signal}).catch(() => undefined);
  }

  of(name: string): LinkEvent[] {
    return this.events.filter(event => event.name === name);
  }

  /** The first such event, past or to come. Rejects where it does not come within `timeoutMs`. */
  async seen(name: string, what: LinkEvent['what'], timeoutMs = patience * 30_000): Promise<LinkEvent> {
    const matches = (event: LinkEvent): boolean => event.name === name && event.what === what;
    const past = this.events.find(matches);
    if (past) return past;
    try {
      for await (const [event] of on(this.#emitter, 'event', {signal: AbortSignal.timeout(timeoutMs)})) {
        if (matches(event)) return event;
      }
    } catch {
      // Timed out.
    }
    throw new Error(`no notification within ${timeoutMs} ms that ${name} is ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
  }
}
