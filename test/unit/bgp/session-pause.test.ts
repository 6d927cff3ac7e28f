// The whole process stands still, as after SIGSTOP: nothing else may be in this file, whose sessions would stand still too.
import test from 'ava';
import {encodeKeepalive} from '../../../src/bgp/codec/message-header.js';
import {openWorld} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

/** Longer than the hold time of 3 s. A write goes to the kernel at once, so the peer sends though nobody reads. */
function pause(call?: Call): void {
  const start = performance.now();
  for (let sent = 0; performance.now() - start < 3500; ) {
    if (performance.now() - start < 1000 * sent) continue;
    sent += 1;
    call?.send(encodeKeepalive());
  }
}

test.serial('a session outlives a pause of the process in which the peer kept sending', async t => {
  await using world = await openWorld({holdTime: 3});
  const call = await world.call();
  await call.establish(false);
  await world.reaches('up');
  const changes: string[] = [];
  world.speaker.onSessionChange(() => changes.push(world.session().state));
  pause(call);
  // Its hold timer has gone off by then, and another has begun.
  for (let count = 0; count < 2; count++) await call.next('keepalive');
  t.deepEqual(changes, []);
  t.is(world.session().state, 'up');
});

test.serial('a peer that was silent through a pause of the process is given up after it', async t => {
  await using world = await openWorld({holdTime: 3});
  const call = await world.call();
  await call.establish(false);
  await world.reaches('up');
  pause();
  t.deepEqual(await call.notification(), {code: 4, subcode: 0});
  await world.reaches('down');
});
