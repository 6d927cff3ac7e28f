import test from 'ava';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {device, doublezeroIp, endOfRib, openWorld, route} from './peer-world.js';
import {prefix} from './updates.js';

test('learned routes are in the kernel through the tunnel, from the address that was configured', async t => {
  await using world = openWorld();
  const {learn, kernel, model, peer} = world;
  learn({announce: ['11.0.0.1/32', '11.0.1.0/24'], path: [65_001, 65_002]});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.1.0/24']);
  t.deepEqual(await model.routes({protocol: 186}), [route('11.0.0.1/32'), route('11.0.1.0/24')]);
  t.deepEqual(peer.routes({limit: 1}), [
    {
      prefix: prefix('11.0.0.1/32'),
      nextHop: device,
      source: doublezeroIp,
      table: 254,
      installed: true,
      asPath: [65_001, 65_002],
    },
  ]);
  const {routesReceived, routesInstalled, lastError} = peer.status();
  t.deepEqual({routesReceived, routesInstalled, lastError}, {routesReceived: 2, routesInstalled: 2, lastError: ''});
  learn({withdraw: ['11.0.0.1/32']});
  t.deepEqual(await kernel(), ['11.0.1.0/24']);
});

test('edge filtering has them in a table of their own', async t => {
  await using world = openWorld({table: 100});
  const {learn, kernel, model} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  t.deepEqual(await model.routes({table: 100}), [route('11.0.0.1/32', {table: 100})]);
});

test('a prefix that one message both withdraws and announces stays', async t => {
  await using world = openWorld();
  const {learn, kernel} = world;
  learn({announce: ['11.0.0.1/32']});
  learn({withdraw: ['11.0.0.1/32'], announce: ['11.0.0.1/32', '11.0.0.2/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

test('a next hop that is not on the tunnel is refused, counted, and takes back what was there', async t => {
  await using world = openWorld();
  const {learn, kernel, peer, lines} = world;
  learn({announce: ['11.0.0.1/32']});
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32'], nextHop: prefix('192.0.2.9/32').address});
  t.deepEqual(await kernel(), []);
  t.is(peer.status().lastError, '2 routes were not taken: their next hop is not the peer');
  t.is(peer.status().routesReceived, 0);
  t.like(
    lines.find(line => line.message === 'bgp.updates_faulty'),
    {tunnel: 'doublezero0', refused: 2},
  );
  peer.lost();
  t.is(peer.status().lastError, '');
});

test('a session that is lost takes its routes with it, and no others', async t => {
  const others = [
    route('12.0.0.1/32', {gateway: prefix('169.254.0.2/32').address, interface: 'doublezero1'}),
    route('12.0.0.2/32', {protocol: 4}),
    route('12.0.0.3/32', {table: 100}),
  ];
  await using world = openWorld({routes: others});
  const {learn, kernel, peer, model} = world;
  learn({announce: ['11.0.0.1/32', '11.0.1.0/24']});
  await kernel();
  peer.lost();
  t.deepEqual(await kernel(), ['12.0.0.1/32', '12.0.0.3/32']);
  t.is((await model.routes({protocol: 4})).length, 1);
  t.is(peer.status().routesReceived, 0);
});

test('with no_install nothing touches the kernel, and the routes are listed all the same', async t => {
  await using world = openWorld({noInstall: true, routes: [route('11.0.0.9/32')]});
  const {learn, peer, calls, listed} = world;
  await peer.start();
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({withdraw: ['11.0.0.2/32']});
  learn(endOfRib);
  t.deepEqual(listed(), ['11.0.0.1/32 false']);
  peer.lost();
  await peer.stop();
  t.deepEqual(calls(), []);
});

test('with no_uninstall withdrawals and the loss of the session leave the kernel alone, and only the end does not', async t => {
  await using world = openWorld({noUninstall: true});
  const {learn, peer, kernel} = world;
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({withdraw: ['11.0.0.2/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  peer.lost();
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  learn({announce: ['11.0.0.1/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('excluded destinations are learned, but never installed or deleted', async t => {
  const own = route('11.0.0.7/32');
  await using world = openWorld({exclude: ['11.0.0.7/32', '11.0.1.0/24'], routes: [own]});
  const {learn, peer, kernel, listed} = world;
  await peer.start();
  learn({announce: ['11.0.0.1/32', '11.0.0.7/32', '11.0.1.0/24', '11.0.1.128/25', '11.0.0.0/16']});
  learn(endOfRib);
  t.deepEqual(await kernel(), ['11.0.0.0/16', '11.0.0.1/32', '11.0.0.7/32']);
  t.deepEqual(listed(), [
    '11.0.0.0/16 true',
    '11.0.0.1/32 true',
    '11.0.0.7/32 false',
    '11.0.1.0/24 false',
    '11.0.1.128/25 false',
  ]);
  learn({withdraw: ['11.0.0.1/32', '11.0.0.7/32']});
  peer.lost();
  await peer.stop();
  t.deepEqual(await kernel(), ['11.0.0.7/32']);
});

test('what we advertise and the device sends back is listed, but leads nowhere in the kernel', async t => {
  await using world = openWorld({nlri: [prefix('10.99.0.1/32')], routes: [route('10.99.0.1/32')]});
  const {peer, learn, kernel, listed} = world;
  await peer.start();
  learn({announce: ['10.99.0.1/32', '11.0.0.1/32'], path: [65_001, 65_000]});
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
  t.deepEqual(listed(), ['10.99.0.1/32 false', '11.0.0.1/32 true']);
});

test('a route the kernel refuses is said to be, with the reason, for as long as it is', async t => {
  await using world = openWorld({local: false});
  const {learn, peer, kernel, listed} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  t.is(peer.status().lastError, 'the kernel refuses 1 routes (EINVAL)');
  t.deepEqual(listed(), ['11.0.0.1/32 false']);
  const {routesReceived, routesInstalled} = peer.status();
  t.deepEqual({routesReceived, routesInstalled}, {routesReceived: 1, routesInstalled: 0});
  learn({withdraw: ['11.0.0.1/32']});
  t.is(peer.status().lastError, '');
  await peer.stop();
});

test('a peer that advertises more than the limit is told so', async t => {
  await using world = openWorld({prefixLimit: 2});
  const {learn, peer} = world;
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  const error = t.throws(() => learn({announce: ['11.0.0.3/32']}), {instanceOf: BgpError});
  t.deepEqual([error?.code, error?.subcode, error?.message], [6, 1, 'more than 2 prefixes']);
  peer.lost();
  t.is(peer.status().routesReceived, 0);
});

test('a peer whose paths are long beyond measure, all in all, is told so', async t => {
  await using world = openWorld({prefixLimit: 2});
  const {learn} = world;
  const path = (length: number) => Array.from({length}, () => 65_001);
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32'], path: path(16)});
  const error = t.throws(() => learn({announce: ['11.0.0.1/32'], path: path(17)}), {instanceOf: BgpError});
  t.deepEqual([error?.code, error?.subcode, error?.message], [6, 8, 'AS paths of more than 32 ASes in all']);
});

test('a peer that is abandoned leaves the kernel as it is', async t => {
  await using world = openWorld();
  const {peer, learn, kernel} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  await peer.abandon();
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
});
