import {setTimeout as delay} from 'node:timers/promises';
import type {Namespace} from './namespace.js';
import {patience} from './patience.js';

/**
 * Resolves when the kernel has taken note that a veth is connected, which it does up to a second after both ends are up:
 * until then it drops what is sent, and dumps of the namespace go on changing.
 */
export async function carrier(namespace: Namespace, device: string): Promise<void> {
  const deadline = Date.now() + patience * 60_000;
  for (;;) {
    const [{operstate}] = JSON.parse(await namespace.ip('-j', 'link', 'show', 'dev', device)) as [{operstate: string}];
    if (operstate === 'UP') break;
    if (Date.now() > deadline) throw new Error(`${device} in ${namespace.name} is ${operstate}`);
    await delay(20);
  }
  // Changes nothing, and is not answered before the kernel is done with what it has begun.
  await namespace.ip('link', 'set', device, 'up');
}
