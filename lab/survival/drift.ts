import assert from 'node:assert/strict';
import {setTimeout as delay} from 'node:timers/promises';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import type {Daemon} from '../daemon.js';
import {eventually} from '../frr.js';
import type {Namespace} from '../namespace.js';
import {patience} from '../patience.js';
import type {EventLog} from './event-log.js';
import {kernelState} from './kernel-state.js';

const {TUNNEL_EVENT_TYPE_DRIFT_DETECTED: detected, TUNNEL_EVENT_TYPE_DRIFT_REPAIRED: repaired} = TunnelEventType;

/** A tunnel of edge filtering on doublezero0 with routes learned over BGP, and a look at what becomes of it. */
export interface DriftSubject {
  readonly host: Namespace;
  readonly daemon: Daemon;
  readonly events: EventLog;
  /** Connects the far end of a device that was made anew, where that does not come by itself. */
  readonly reconnect?: () => Promise<void>;
}

/** What somebody does, as commands of `ip -batch`, and what is said of it. */
export const damages: Readonly<Record<string, {readonly commands: string; readonly said: RegExp}>> = {
  'delete the DoubleZero IP': {commands: 'addr del 10.99.0.1/32 dev doublezero0', said: /address 10\.99\.0\.1\/32/},
  'delete the overlay address': {
    commands: 'addr del 169.254.0.1/31 dev doublezero0',
    said: /address 169\.254\.0\.1\/31/,
  },
  'delete a rule': {commands: 'rule del priority 101 from 198.51.100.0/25 table 101', said: /rule 101 from 198\.51/},
  'delete the default route of a table': {commands: 'route del default table 101', said: /route to 0\.0\.0\.0\/0/},
  'delete the route to the device': {commands: 'route del 169.254.0.0/31 dev doublezero0', said: /route to 169\.254/},
  'delete a learned route': {commands: 'route del 11.0.0.2/32 table 100', said: /^1 learned route is missing/},
  'flush a table': {commands: 'route flush table 100', said: /^3 learned routes are missing/},
  'flush the device': {
    commands: 'addr flush dev doublezero0',
    said: /address 169\.254\.0\.1\/31 is missing; address 10/,
  },
  'change the MTU': {commands: 'link set doublezero0 mtu 1400', said: /MTU 1400/},
  'delete the interface': {commands: 'link del doublezero0', said: /interface doublezero0 is gone/},
};

/** Milliseconds from the damage to the event that tells of it. */
const promised = patience * 1000;
/** Milliseconds in which an event has to come on a machine that has much else to do. */
const noticed = patience * 30_000;
/** What is put back at once is back with the event; what BGP has to learn again takes its timers. */
const settled = patience * 60_000;

export interface Suffered {
  /** Milliseconds until it was noticed. */
  readonly noticed: number;
  /** The whole of it, in words. */
  readonly text: string;
}

/** Does the damage and waits until it is noticed and mended, and the kernel is what it was. */
export async function suffer(subject: DriftSubject, what: string): Promise<Suffered> {
  const {host, daemon, events, reconnect} = subject;
  const {commands, said} = damages[what] ?? {commands: '', said: /^$/};
  const before = await kernelState(host);
  const start = performance.now();
  // Several changes at once, such as of a table that is flushed, are not seen half done.
  await daemon.whileFrozen(() => host.batch(`${commands}\n`));
  const {time, reason, state} = await events.next(detected, start, noticed);
  assert.match(reason, said);
  assert.equal(state, TunnelState.TUNNEL_STATE_DEGRADED);
  const mended = await events.next(repaired, start, settled);
  if (/delete the interface/.test(what)) await reconnect?.();
  await eventually('the kernel is as before', async () => assert.deepEqual(await kernelState(host), before));
  const text = `noticed after ${(time - start).toFixed(0)} ms, mended after ${(mended.time - start).toFixed(0)} ms: ${reason}`;
  return {noticed: time - start, text};
}

/** Rejects where not even half of the damages were noticed within the second that is promised: one of them may find the machine busy. */
export function expectPrompt(suffered: readonly Suffered[]): void {
  const times = suffered.map(({noticed}) => noticed).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  assert(median < promised, `noticed after ${times.map(time => time.toFixed(0)).join(', ')} ms`);
}

/** Somebody sets the device down: that is respected until they raise it again, and then all its routes come back. */
export async function pullKillSwitch({host, daemon, events}: DriftSubject): Promise<string> {
  const before = await kernelState(host);
  const start = performance.now();
  await host.batch('link set doublezero0 down\n');
  const {time, reason, state} = await events.next(detected, start, noticed);
  assert.match(reason, /^interface doublezero0 was set down by somebody else/);
  assert.equal(state, TunnelState.TUNNEL_STATE_DEGRADED);
  // Long enough for several repairs, if there were any.
  await delay(patience * 3000);
  assert(
    (await kernelState(host)).some(line => line.startsWith('doublezero0 down')),
    'it was raised again',
  );
  assert.equal((await daemon.controller.get('doublezero0')).state, TunnelState.TUNNEL_STATE_DEGRADED);
  const lifted = performance.now();
  await host.batch('link set doublezero0 up\n');
  const mended = await events.next(repaired, lifted, settled);
  await eventually('the kernel is as before', async () => assert.deepEqual(await kernelState(host), before));
  return `noticed after ${(time - start).toFixed(0)} ms, respected, mended ${(mended.time - lifted).toFixed(0)} ms after it was lifted`;
}
