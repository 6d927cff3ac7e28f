import test from 'ava';
import {LazyMulticastSpeaker} from '../../../src/multicast/lazy-speaker.js';
import {openWorld, pim, tunnel} from './world.js';

test('nothing is loaded until something is to be sent, and then once', async t => {
  await using world = await openWorld();
  let loads = 0;
  const lazy = new LazyMulticastSpeaker(async () => {
    loads += 1;
    return world.speaker;
  });
  await lazy.pim.stop(tunnel);
  t.is(lazy.status(tunnel), undefined);
  t.is(loads, 0);
  await Promise.all([lazy.pim.apply(tunnel, pim('239.0.0.1')), lazy.pim.apply(tunnel, pim('239.0.0.1'))]);
  t.is(loads, 1);
  t.is(lazy.status(tunnel)?.counters.hellosSent, 1);
});

test('who listened before it was loaded hears of neighbors, until told otherwise', async t => {
  await using world = await openWorld();
  const lazy = new LazyMulticastSpeaker(async () => world.speaker);
  const heard: string[] = [];
  const stop = lazy.onNeighborChange(name => heard.push(name));
  await lazy.pim.apply(tunnel, pim('239.0.0.1'));
  await world.hello({holdtime: 105, generationId: 7});
  t.deepEqual(heard, [tunnel]);
  stop();
  await world.hello({holdtime: 0});
  t.deepEqual(heard, [tunnel]);
});

test('disposed of, what was loaded ends too, and what was not is left alone', async t => {
  await using world = await openWorld();
  const idle = new LazyMulticastSpeaker(() => Promise.reject(new Error('loaded')));
  await t.notThrowsAsync(idle[Symbol.asyncDispose]());
  const lazy = new LazyMulticastSpeaker(async () => world.speaker);
  await lazy.pim.apply(tunnel, pim('239.0.0.1'));
  await lazy[Symbol.asyncDispose]();
  t.is(world.status(), undefined);
  t.is(world.clock.waiting, 0);
});
