import type {ChildProcess} from 'node:child_process';
import {EventEmitter, once} from 'node:events';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';
import {projectFolder} from './place.js';

/** Something that happened to a program's socket, or was seen on an interface. */
export interface SocketEvent {
  /** Milliseconds of the kernel's monotonic clock, which `now` tells as well. */
  readonly time: number;
  readonly program: string;
  /** An errno's name, for example. */
  readonly what: string;
}

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What a scenario with them in it needs on the machine. */
export const socketPrograms = ['python3'] as const;

export const hostPrograms = ['udp-sender', 'udp-reader', 'tcp-reader', 'epoll-loop', 'listener'] as const;

const script = join(projectFolder, 'lab/python/sockets.py');
const timeoutMs = patience * 60_000;

/** The programs of one side, started together: see `lab/python/sockets.py`. */
export class SocketPrograms implements AsyncDisposable {
  readonly events: SocketEvent[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #emitter = new EventEmitter();

  private constructor(namespace: Namespace, args: readonly string[]) {
    // Neither `site` nor the environment: they would cost as much as the rest of the start.
    this.#process = namespace.spawn('python3', ['-I', '-S', script, ...args], ['pipe', 'pipe', 'inherit']);
    this.#ended = once(this.#process, 'exit').finally(() => this.#emitter.emit('event'));
    const {stdout} = this.#process;
    if (stdout === null) throw new Error('no output from python3');
    createInterface({input: stdout}).on('line', line => {
      const [time = '', program = '', ...words] = line.split(' ');
      this.events.push({time: Number(time), program, what: words.join(' ')});
      this.#emitter.emit('event');
    });
  }

  /** Resolves when all of them have their sockets. */
  static async start(namespace: Namespace, programs: readonly string[], ...args: string[]): Promise<SocketPrograms> {
    const started = new SocketPrograms(namespace, args);
    try {
      await Promise.all(programs.map(program => started.until(program, 'ready')));
      return started;
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Events of a program since a time. */
  of(program: string, since = 0): SocketEvent[] {
    return this.events.filter(event => event.program === program && event.time >= since);
  }

  /** The first such event since a time, at once or when it comes. Rejects where it does not come in time. */
  async until(program: string, what: string, since = 0): Promise<SocketEvent> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const event = this.of(program, since).find(candidate => candidate.what === what);
      if (event) return event;
      if (deadline.aborted || this.#process.exitCode !== null) {
        const heard = this.of(program, since).map(other => other.what);
        throw new Error(`not within ${timeoutMs / 1000} s: '${what}' of ${program}, which said ${heard.join(', ')}`);
      }
      await once(this.#emitter, 'event', {signal: deadline}).catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }
}
