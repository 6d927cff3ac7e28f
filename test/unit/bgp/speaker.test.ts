import test from 'ava';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {refusal} from '../../../src/netlink/refusal.js';
import {eventually, openWorld, prefix} from './loopback-world.js';

test('a tunnel has one peer', async t => {
  await using world = await openWorld();
  await world.speaker.addPeer(world.peer());
  await t.throwsAsync(world.speaker.addPeer(world.peer()), {message: 'doublezero0 has a BGP peer already'});
  await world.speaker.addPeer(world.otherPeer());
  t.is(world.session('doublezero1').state, 'pending');
});

test('a peer that nobody knows has no session and no routes, and is deleted without a word', async t => {
  await using world = await openWorld();
  t.is(world.speaker.session('doublezero0'), undefined);
  t.deepEqual(world.speaker.routes('doublezero0', {limit: 10}), []);
  t.is(await world.speaker.reinstallMissing('doublezero0'), 0);
  await t.notThrowsAsync(world.speaker.deletePeer('doublezero0'));
});

test('a session tells who it is with', async t => {
  await using world = await openWorld();
  await world.establish();
  const {localAddress, peerAddress, localAsn, peerAsn} = world.session();
  const peer = world.peer();
  t.deepEqual({localAddress, peerAddress}, {localAddress: peer.localAddress, peerAddress: peer.peerAddress});
  t.deepEqual({localAsn, peerAsn}, {localAsn: 65_000, peerAsn: 65_001});
  t.true(world.session().lastUpdate.getTime() > Date.now() - 60_000);
});

test('whoever listens is told until he does no more', async t => {
  await using world = await openWorld();
  const told: string[] = [];
  const stop = world.speaker.onSessionChange(tunnel => told.push(tunnel));
  const call = await world.establish();
  t.deepEqual(told, ['doublezero0', 'doublezero0']);
  stop();
  call.reset();
  await world.reaches('down');
  t.is(told.length, 2);
});

test('a deleted peer is told of no more, and can be added again', async t => {
  await using world = await openWorld();
  await world.establish();
  const told: string[] = [];
  world.speaker.onSessionChange(tunnel => told.push(tunnel));
  await world.speaker.deletePeer('doublezero0');
  t.deepEqual(told, []);
  await world.establish();
  t.is(world.session().state, 'up');
});

test('a peer whose routes of a former run cannot be read is not added, and can be once they can', async t => {
  let readable = false;
  const wrap = (netlinker: Netlinker): Netlinker => {
    const routes = netlinker.routes.bind(netlinker);
    netlinker.routes = async filter => {
      if (readable) return routes(filter);
      throw refusal('routes', 'ENOBUFS');
    };
    return netlinker;
  };
  await using world = await openWorld({wrap});
  await t.throwsAsync(world.speaker.addPeer(world.peer()), {message: 'routes: ENOBUFS'});
  t.is(world.speaker.session('doublezero0'), undefined);
  readable = true;
  await world.establish();
  t.is(world.device.calls, 1);
});

test('a speaker that is disposed of leaves without a word, and the kernel as it is', async t => {
  await using world = await openWorld();
  const {peerAddress} = world.peer();
  const route = {
    destination: prefix('11.0.0.1/32'),
    gateway: peerAddress,
    source: prefix('10.99.0.1/32').address,
    interface: 'doublezero0',
    table: 254,
    protocol: 186,
  };
  t.deepEqual(await world.model.routesReplace([route]), []);
  const call = await world.establish();
  await world.speaker[Symbol.asyncDispose]();
  await t.throwsAsync(call.next('notification'), {message: /ended the connection/});
  await eventually('the connection is closed', () => call.socket.closed);
  t.deepEqual(await world.learnedRoutes(), ['11.0.0.1/32']);
  t.is(world.speaker.session('doublezero0'), undefined);
});

test('a speaker can be disposed of in any state, and twice', async t => {
  await using world = await openWorld();
  await world.speaker.addPeer(world.peer());
  await world.speaker[Symbol.asyncDispose]();
  await t.notThrowsAsync(world.speaker[Symbol.asyncDispose]());
});
