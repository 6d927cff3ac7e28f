import assert from 'node:assert/strict';
import type {RemoveTunnelResponse} from '../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import {Refusal} from './controller.js';
import type {LinkMonitor} from './link-monitor.js';
import type {Namespace} from './namespace.js';
import type {NetlinkTap} from './netlink-tap.js';
import {difference, type Snapshot, takeSnapshot} from './snapshot.js';

/** The namespace has what it had before and, word for word, what is on record besides. */
export async function expectRecord(namespace: Namespace, before: Snapshot, record: string): Promise<string> {
  const made = difference(before, await takeSnapshot(namespace));
  assert.equal(made, record);
  return `${record.split('\n').length} lines equal the record`;
}

/** Links, addresses, rules and the routes of all tables are what they were. */
export async function expectUnchanged(namespace: Namespace, before: Snapshot): Promise<string> {
  const after = await takeSnapshot(namespace);
  assert.equal(after.raw, before.raw);
  return `${before.lines.length} lines as before`;
}

/**
 * Made, raised, lowered and only then deleted: by the kernel's own notifications, and by what it was asked for, since
 * from the notifications alone a deletion without lowering looks the same.
 */
export async function expectLoweredFirst(links: LinkMonitor, tap: NetlinkTap, name: string): Promise<string> {
  const deleted = await links.seen(name, 'deleted');
  const events = links.of(name);
  const changes = events.filter((event, index) => event.what !== events[index - 1]?.what);
  assert.deepEqual(
    changes.map(({what}) => what),
    ['down', 'up', 'down', 'deleted'],
  );
  assert.deepEqual(await tap.untilDeletion(name, deleted.index), ['lower', 'delete']);
  const [, , lowered] = changes;
  assert(lowered);
  return `DOWN ${(deleted.time - lowered.time).toFixed(1)} ms before the deletion`;
}

/** Every step of the report went well, and the tunnel was lowered before it was deleted. */
export function expectCleanTeardown({steps}: RemoveTunnelResponse): string {
  assert.deepEqual(
    steps.filter(({ok}) => !ok),
    [],
  );
  const names = steps.map(({step}) => step);
  const [down, deletion] = [names.indexOf('tunnel_down'), names.indexOf('tunnel_delete')];
  assert(down >= 0 && down < deletion, `tunnel_down, then tunnel_delete: ${names}`);
  return names.join(', ');
}

/** The call is refused with this code and reason. */
export async function expectRefusal(call: Promise<unknown>, code: string, reason?: string): Promise<string> {
  const error = await call.then(
    () => assert.fail(`expected ${code}, but the call succeeded`),
    (refusal: unknown) => refusal,
  );
  if (!(error instanceof Refusal)) throw error;
  assert.deepEqual({code: error.code, reason: error.reason}, {code, reason});
  return error.message;
}
