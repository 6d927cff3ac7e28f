import {createHook} from 'node:async_hooks';
import {readdirSync, readlinkSync} from 'node:fs';
import {setImmediate as immediate} from 'node:timers/promises';

/** What a process has open, counted by kind, and what it keeps in memory. */
export interface Resources {
  /** Open file descriptors, by what they are: `socket`, `pipe`, a path. */
  readonly files: Readonly<Record<string, number>>;
  /** What keeps the event loop going: `process.getActiveResourcesInfo()`. */
  readonly active: Readonly<Record<string, number>>;
  /** Timers, sockets and streams that were made and not ended, those that do not keep the event loop going among them. */
  readonly alive: Readonly<Record<string, number>>;
  /** Bytes in use after garbage collection, on the heap and outside of it. */
  readonly memory: number;
}

const watched =
  /^(Timeout|TCPWRAP|TCPSERVERWRAP|PIPEWRAP|PIPESERVERWRAP|UDPWRAP|HTTP2SESSION|HTTP2STREAM|PROCESSWRAP)$/;

const counted = (kinds: Iterable<string>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const kind of [...kinds].sort()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(name => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      // Not the folder that is just being read.
      return /^\/proc\/\d+\/fd$/.test(target) ? [] : [target.replace(/:\[\d+\]$/, '')];
    } catch {
      return [];
    }
  });
}

/** Counts what this process makes and ends, from now on. */
export class ResourceCounter {
  readonly #alive = new Map<number, string>();

  constructor() {
    createHook({
      init: (id, type) => {
        if (watched.test(type)) this.#alive.set(id, type);
      },
      destroy: id => {
        this.#alive.delete(id);
      },
    }).enable();
  }

  async measure(): Promise<Resources> {
    // The ends of some handles are told of only when they are collected, and each round lets go of more.
    for (let round = 0; round < 4; round++) {
      globalThis.gc?.();
      await immediate();
    }
    const {heapUsed, external} = process.memoryUsage();
    return {
      files: counted(openFiles()),
      active: counted(process.getActiveResourcesInfo()),
      alive: counted(this.#alive.values()),
      memory: heapUsed + external,
    };
  }
}

/** Of what there is more than there was, in words. */
export function surplus(now: Resources, start: Resources): string[] {
  return (['files', 'active', 'alive'] as const).flatMap(table =>
    Object.entries(now[table])
      .filter(([kind, count]) => count > (start[table][kind] ?? 0))
      .map(([kind, count]) => `${table} ${kind}: ${count}, at the start ${start[table][kind] ?? 0}`),
  );
}
