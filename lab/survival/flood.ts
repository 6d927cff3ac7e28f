import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Namespace} from '../namespace.js';

const routes = 100_000;

/** Another program that adds and deletes 100,000 routes of the main table again and again, as fast as it can. */
export class RouteFlood implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Changes of the routing table so far. */
  changes = 0;

  private constructor(
    private readonly namespace: Namespace,
    files: readonly string[],
  ) {
    this.#running = this.#run(files);
  }

  /** Through an interface of its own. */
  static async start(namespace: Namespace, folder: string): Promise<RouteFlood> {
    await namespace.batch('link add flood0 type veth peer name flood1\nlink set flood0 up\nlink set flood1 up\n');
    const files = await Promise.all(
      ['add', 'del'].map(async action => {
        const file = join(folder, `${action}.batch`);
        const lines = Array.from({length: routes}, (_, number) => {
          const address = `12.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
          return `route ${action} ${address}/32 dev flood0\n`;
        });
        await writeFile(file, lines.join(''));
        return file;
      }),
    );
    return new RouteFlood(namespace, files);
  }

  async #run(files: readonly string[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const file of files) {
        const child = this.namespace.spawn('ip', ['-force', '-batch', file], 'ignore');
        this.#stop.signal.addEventListener('abort', () => child.kill('SIGKILL'), {once: true});
        await once(child, 'exit');
        if (this.#stop.signal.aborted) return;
        this.changes += routes;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
