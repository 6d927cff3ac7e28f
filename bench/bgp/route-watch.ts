import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync} from 'node:fs';
import {open, rm, stat} from 'node:fs/promises';
import type {Space} from './network.js';

/** The kernel's route notifications in a namespace, with the time each was received, by `ip monitor`. */
export class RouteWatch implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    private readonly path: string,
  ) {}

  static async start(space: Space, path: string): Promise<RouteWatch> {
    const file = openSync(path, 'w');
    const child = space.spawn('env', ['TZ=UTC', 'ip', '-ts', 'monitor', 'route'], ['ignore', file, 'ignore']);
    closeSync(file);
    await once(child, 'spawn');
    await new Promise(resolve => setTimeout(resolve, 200)); // until it has subscribed, which it does not tell
    return new RouteWatch(child, path);
  }

  /** Resolves when nothing has been told for some time. Asks for the size of a file only, to leave the processors alone. */
  async quiet(): Promise<void> {
    let size = -1;
    for (;;) {
      const now = (await stat(this.path)).size;
      if (now === size && now > 0) return;
      size = now;
      await new Promise(resolve => setTimeout(resolve, 400));
    }
  }

  /** Milliseconds since the epoch at which the last notification was received. */
  async last(): Promise<number> {
    const file = await open(this.path);
    try {
      const {size} = await file.stat();
      const length = Math.min(size, 4096);
      const {buffer} = await file.read(Buffer.alloc(length), 0, length, size - length);
      const times = [...buffer.toString().matchAll(/^\[([^\]]+)\]/gm)];
      const [, time = ''] = times.at(-1) ?? [];
      const [seconds = '', fraction = ''] = time.split('.');
      return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000;
    } finally {
      await file.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exited;
    await rm(this.path, {force: true});
  }
}
