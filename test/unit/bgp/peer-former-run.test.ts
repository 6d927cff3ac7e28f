// Routes that a former run left in the kernel.
import test from 'ava';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {endOfRib, inItsTime, openWorld, route} from './peer-world.js';
import {prefix} from './updates.js';

const leftBehind = [route('11.0.0.1/32'), route('11.0.0.2/32'), route('11.0.1.0/24')];

test('routes of a former run stay untouched until the end-of-RIB, and those learned again for good', async t => {
  await using world = openWorld({routes: leftBehind, resumed: true});
  const {peer, learn, kernel, calls} = world;
  await peer.start();
  t.is(peer.status().routesInstalled, 3);
  learn({announce: ['11.0.0.1/32', '11.0.0.3/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32', '11.0.0.3/32', '11.0.1.0/24']);
  learn(endOfRib);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.3/32']);
  t.deepEqual(
    calls().map(call => call.replace(/ via .*/, '')),
    ['routesReplace 11.0.0.3/32', 'routesDelete 11.0.0.2/32', 'routesDelete 11.0.1.0/24'],
  );
  await peer.stop();
});

test('with no_uninstall routes of a former run stay until the end, learned again or not, as it would have kept them', async t => {
  await using world = openWorld({routes: leftBehind, noUninstall: true, resumed: true});
  const {peer, learn, kernel} = world;
  const left = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'];
  await peer.start();
  learn({announce: ['11.0.0.1/32']});
  learn(endOfRib);
  t.deepEqual(await kernel(), left);
  const {routesReceived, routesInstalled} = peer.status();
  t.deepEqual({routesReceived, routesInstalled}, {routesReceived: 1, routesInstalled: 3});
  peer.lost();
  t.deepEqual(await kernel(), left);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('routes that only look like ours are not taken over', async t => {
  const foreign = [
    route('12.0.0.1/32', {protocol: 4}),
    route('12.0.0.2/32', {table: 100}),
    route('12.0.0.3/32', {gateway: prefix('169.254.0.2/32').address, interface: 'doublezero1'}),
  ];
  await using world = openWorld({routes: [...leftBehind, ...foreign], resumed: true});
  const {peer, learn, kernel, model} = world;
  await peer.start();
  learn(endOfRib);
  await kernel();
  await peer.stop();
  const left = await model.routes();
  for (const route of foreign)
    t.true(left.some(other => formatPrefix(other.destination) === formatPrefix(route.destination)));
  t.is(left.length, foreign.length + 2); // and what the addresses brought
});

test('routes of a former run from another address are gone from the start', async t => {
  const old = prefix('169.254.0.1/32').address;
  await using world = openWorld({routes: [route('11.0.0.1/32'), route('11.0.0.2/32', {source: old})]});
  const {peer, kernel, model} = world;
  await peer.start();
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
  t.deepEqual(await model.routes({protocol: 186}), [route('11.0.0.1/32')]);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('routes of a former run go with the session that was to confirm them', async t => {
  await using world = openWorld({routes: leftBehind});
  const {peer, learn, kernel} = world;
  await peer.start();
  peer.gained();
  learn({announce: ['11.0.0.1/32']});
  peer.lost();
  t.deepEqual(await kernel(), []);
  await peer.stop();
});

test('a peer that is deleted while it takes over leaves nothing behind', async t => {
  let letThrough = () => {};
  const gate = new Promise<void>(resolve => {
    letThrough = resolve;
  });
  const slow = (netlinker: Netlinker): Netlinker => ({
    ...netlinker,
    async routes(filter) {
      await gate;
      return netlinker.routes(filter);
    },
  });
  await using world = openWorld({routes: leftBehind, wrap: slow});
  const {peer, kernel} = world;
  const started = peer.start();
  const stopped = peer.stop();
  letThrough();
  await Promise.all([started, stopped]);
  t.deepEqual(await kernel(), []);
  t.is(peer.status().state, 'pending');
  t.is(peer.status().lastError, ''); // it has not called anybody
});

test.serial(
  'routes of a former run wait two minutes for a session, and two more for its end-of-RIB',
  inItsTime,
  async (t, pass) => {
    await using world = openWorld({routes: leftBehind});
    const {peer, kernel} = world;
    await peer.start();
    pass(119);
    t.is((await kernel()).length, 3);
    peer.gained();
    pass(119);
    t.is((await kernel()).length, 3);
    pass(1);
    t.deepEqual(await kernel(), []);
    await peer.stop();
  },
);

test.serial('routes of a former run go after two minutes without a session', inItsTime, async (t, pass) => {
  await using world = openWorld({routes: leftBehind});
  const {peer, kernel} = world;
  await peer.start();
  pass(120);
  t.deepEqual(await kernel(), []);
  await peer.stop();
});
