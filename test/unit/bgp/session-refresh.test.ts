// ROUTE-REFRESH (RFC 2918): when the routes are sent again, and when not.
import test, {type ExecutionContext} from 'ava';
import {messageType} from '../../../src/bgp/codec/message-header.js';
import {encodeRouteRefresh, type RouteRefresh} from '../../../src/bgp/codec/route-refresh.js';
import {openWorld} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

const ours: RouteRefresh = {afi: 1, safi: 1, subtype: 0};

/** What the speaker advertises: an UPDATE with its prefix, and the end-of-RIB. */
const advertised = async (call: Call) => [await call.next('update'), await call.next('update')];

test('it advertises again when the peer asks for that', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  const first = await advertised(call);
  call.send(encodeRouteRefresh(ours));
  t.deepEqual(await advertised(call), first);
});

const ignores = test.macro({
  title: (what = '') => `a request is ignored: ${what}`,
  async exec(t: ExecutionContext, request: Partial<RouteRefresh>) {
    await using world = await openWorld();
    const call = await world.establish();
    await advertised(call);
    call.send(encodeRouteRefresh({...ours, ...request}));
    // An answer would be ahead of the second KEEPALIVE from now on, which leaves after the request was read.
    for (let count = 0; count < 2; count++) t.is((await call.message())?.type, messageType.keepalive);
    t.is(world.session().state, 'up');
  },
});
test('for IPv6 unicast (RFC 2918 §4)', ignores, {afi: 2});
test('for IPv4 multicast (RFC 2918 §4)', ignores, {safi: 2});
test('the beginning of a refresh that nobody asked for (RFC 7313 §4)', ignores, {subtype: 1});
test('the end of one (RFC 7313 §4)', ignores, {subtype: 2});
test('a subtype nobody knows', ignores, {subtype: 255});

test('a request before there is a session is out of place, for any family', async t => {
  await using world = await openWorld();
  const call = await world.call();
  call.send(encodeRouteRefresh({...ours, afi: 2}));
  t.deepEqual(await call.notification(), {code: 5, subcode: 1});
});
