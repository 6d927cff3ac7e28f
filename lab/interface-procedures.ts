import {once} from 'node:events';
import {setTimeout as delay} from 'node:timers/promises';
import type {Namespace} from './namespace.js';

/** Milliseconds between lowering and deleting: what the daemon's linger is by default. */
const pause = 100;

/** What other ways there are to take an interface away. */
export type PlainProcedure = 'delete' | 'down, then delete';

/**
 * Gets ready for it, and resolves to the act itself, so that no process is started after the call. The act resolves
 * when the commands are given.
 */
export async function prepare(
  procedure: PlainProcedure,
  namespace: Namespace,
  name: string,
): Promise<() => Promise<void>> {
  const commands = namespace.spawn('ip', ['-batch', '-'], ['pipe', 'pipe', 'inherit']);
  const {stdin, stdout} = commands;
  if (stdin === null || stdout === null) throw new Error('no pipes to ip');
  const ended = once(commands, 'exit');
  stdin.write('link show lo\n');
  await once(stdout, 'data');
  stdout.resume();
  return async () => {
    if (procedure === 'down, then delete') {
      stdin.write(`link set ${name} down\n`);
      await delay(pause);
    }
    stdin.end(`link del ${name}\n`);
    await ended;
  };
}
