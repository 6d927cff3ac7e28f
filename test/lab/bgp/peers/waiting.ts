import {setTimeout as delay} from 'node:timers/promises';

/** Resolves when the condition holds; nothing tells of it, so it is asked for again and again. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  {timeoutMs = 60_000, everyMs = 50} = {},
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(everyMs);
  }
}
