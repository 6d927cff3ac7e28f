/**
 * The daemon, with veth in place of GRE where the kernel has none, that kills itself in the midst of its work: with as
 * many changes of the kernel as the file `crash` in its state directory says (`{"nth": 3}`), counted from when that was
 * last written. Takes the daemon's flags. With STAND_IN=veth in its environment veth stands in for GRE in any case.
 */
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseCommandLine} from '../../src/config/options.js';
import {runDaemon} from '../../src/daemon.js';
import type {Netlinker} from '../../src/netlink/netlinker.js';
import {createLogger} from '../../src/telemetry/logger.js';
import {kernelChanges} from '../kernel-changes.js';
import {openHostNetlinker} from '../stand-in.js';

const changes: ReadonlySet<string> = new Set(kernelChanges);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function crashing(inner: Netlinker, file: string): Netlinker {
  // What was there at the start has had its crash.
  let [order, count] = [read(file), Number.POSITIVE_INFINITY];
  const isLast = (): boolean => {
    const text = read(file);
    if (text !== order) [order, count] = [text, text === '' ? Number.POSITIVE_INFINITY : JSON.parse(text).nth];
    count -= 1;
    return count === 0;
  };
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (typeof name === 'symbol' || !changes.has(name)) return method;
      return async (...args: unknown[]) => {
        const dies = isLast();
        const answer = method(...args);
        if (!dies) return answer;
        await answer.catch(() => undefined);
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => undefined);
      };
    },
  });
}

const command = parseCommandLine(process.argv.slice(2));
if ('print' in command) throw new TypeError('nothing to run');
const {run: options} = command;
const always = process.env.STAND_IN === 'veth';
const stop = new AbortController();
void once(process, 'SIGTERM').then(() => stop.abort('SIGTERM'));
await runDaemon(options, createLogger({level: options.logLevel}), stop.signal, async () =>
  crashing((await openHostNetlinker({always})).netlinker, join(options.stateDir, 'crash')),
);
