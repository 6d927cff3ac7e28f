import {monitorEventLoopDelay} from 'node:perf_hooks';
import {openWorld, type World} from './loopback-world.js';

/**
 * The peer at the far end of doublezero0 misbehaves while a session with a hold time of 3 s runs through doublezero1: that
 * one has to be up all the time, and the event loop to be free for it. How busy it may be is not measured here: less than
 * the hold time is what would cost a session, and the machine has other work.
 */
export async function besideGoodSession(
  t: {true(actual: boolean, message?: string): void},
  body: (world: World) => Promise<void>,
) {
  await using world = await openWorld({holdTime: 3, establishmentTime: 2000});
  await world.establishOther();
  const changes: string[] = [];
  world.speaker.onSessionChange(tunnel => {
    if (tunnel === 'doublezero1') changes.push(world.session(tunnel).state);
  });
  const histogram = monitorEventLoopDelay({resolution: 10});
  histogram.enable();
  await body(world);
  histogram.disable();
  t.true(histogram.max < 2.5e9, `the event loop stood still for ${histogram.max / 1e6} ms`);
  t.true(world.session('doublezero1').state === 'up' && changes.length === 0, changes.join());
}
