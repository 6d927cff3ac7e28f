import test from 'ava';
import {encodeKeepalive} from '../../../src/bgp/codec/message-header.js';
import {decodeOpen} from '../../../src/bgp/codec/open.js';
import {prefixesIn} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {openWorld, prefix} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

test('the first message is an OPEN that says who we are and what we can do', async t => {
  await using world = await openWorld();
  const call = await world.call();
  const {localAddress} = world.peer();
  t.deepEqual(decodeOpen(await call.next('open')), {
    myAutonomousSystem: 65_000,
    holdTime: 90,
    bgpIdentifier: localAddress,
    optionalParameters: [
      {
        kind: 'capabilities',
        capabilities: [
          {kind: 'multiprotocol', afi: 1, safi: 1},
          {kind: 'route-refresh'},
          {kind: 'extended-message'},
          {kind: 'four-octet-as', as: 65_000},
          {
            kind: 'graceful-restart',
            restarted: false,
            notification: true,
            restartTime: 120,
            families: [{afi: 1, safi: 1, forwardingPreserved: false}],
          },
        ],
      },
    ],
  });
});

test('the session goes from pending over initializing to up, with the smaller of both hold times', async t => {
  await using world = await openWorld();
  const states: string[] = [];
  world.speaker.onSessionChange(tunnel => states.push(`${tunnel} ${world.session().state}`));
  const call = await world.call();
  t.is(world.session().state, 'pending');
  t.is(world.session().holdTime, undefined);
  await call.next('open');
  call.sendOpen({holdTime: 30});
  await call.next('keepalive');
  await world.reaches('initializing');
  call.send(encodeKeepalive());
  const {holdTime, establishedTime, lastError} = await world.reaches('up');
  t.is(holdTime, 30);
  t.true(establishedTime instanceof Date);
  t.is(lastError, '');
  t.deepEqual(states, ['doublezero0 initializing', 'doublezero0 up']);
});

/** Read from the octets: a loopback address is none that `decodeUpdate` would take. */
const nextHopIn = (body: Uint8Array) => {
  const octets = Buffer.from(body);
  return octets.readUInt32BE(octets.indexOf(Buffer.from([0x40, 3, 4])) + 3);
};

/** What the speaker advertises right after a session came up, end-of-RIB included. */
async function advertised(call: Call) {
  const body = await call.next('update');
  const announcement = decodeUpdate(body, {asWidth: 4, external: true});
  const end = decodeUpdate(await call.next('update'), {asWidth: 4, external: true});
  const {nlri, pathAttributes} = announcement.update;
  return {
    prefixes: prefixesIn(nlri).map(formatPrefix),
    attributes: pathAttributes,
    nextHop: nextHopIn(body),
    ended: end.endOfRib,
  };
}

test('it advertises its prefix once, with a path of its own AS, and says that this was all', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  t.deepEqual(await advertised(call), {
    prefixes: ['10.99.0.1/32'],
    attributes: {origin: 'IGP', asPath: [{type: 'AS_SEQUENCE', numbers: [65_000]}]},
    nextHop: world.peer().localAddress,
    ended: true,
  });
});

test('a peer without four-octet AS numbers is sent AS_TRANS and the true path beside it', async t => {
  await using world = await openWorld();
  const call = await world.call({localAsn: 4_200_000_001});
  await call.next('open');
  call.sendOpen({optionalParameters: []});
  call.send(encodeKeepalive());
  await world.reaches('up');
  const body = await call.next('update');
  // AS_SEQUENCE of one two-octet AS, 23456; AS4_PATH (17) of one four-octet AS
  t.true(Buffer.from(body).includes(Buffer.from([0x40, 2, 4, 2, 1, 0x5b, 0xa0])));
  t.true(Buffer.from(body).includes(Buffer.from([0xc0, 17, 6, 2, 1, 0xfa, 0x56, 0xea, 0x01])));
  t.deepEqual(decodeUpdate(body, {asWidth: 2, external: true}).update.pathAttributes.asPath, [
    {type: 'AS_SEQUENCE', numbers: [4_200_000_001]},
  ]);
});

test('a peer that goes silent is told so when the hold time is over', async t => {
  await using world = await openWorld({holdTime: 3});
  const call = await world.call();
  await call.establish(false);
  await world.reaches('up');
  const start = performance.now();
  t.deepEqual(await call.notification(), {code: 4, subcode: 0});
  const waited = performance.now() - start;
  t.true(waited > 2500, `${waited} ms`);
  const {lastError} = await world.reaches('down');
  t.is(lastError, 'we sent NOTIFICATION: Hold Timer Expired (4/0): nothing heard from the peer for the hold time');
  await call.ended();
});

test('KEEPALIVEs leave three times within the hold time', async t => {
  await using world = await openWorld({holdTime: 3});
  const call = await world.establish();
  const times = [performance.now()];
  for (let count = 0; count < 3; count++) {
    await call.next('keepalive');
    times.push(performance.now());
  }
  const [first = 0, , , last = 0] = times;
  t.true(last - first > 2000, `${last - first} ms`); // and the peer's hold timer says that they were not too late
  t.is(world.session().state, 'up');
});

test('a peer that refuses connections stays pending, with the reason', async t => {
  await using world = await openWorld();
  await world.device[Symbol.asyncDispose]();
  const changed = new Promise<void>(resolve => world.speaker.onSessionChange(() => resolve()));
  await world.speaker.addPeer(world.peer());
  await changed;
  t.is(world.session().state, 'pending');
  t.regex(world.session().lastError, /^127\.\S+: the peer refuses connections \(ECONNREFUSED\)$/);
});

test('a local address that this host does not have is said to be the reason', async t => {
  await using world = await openWorld();
  const changed = new Promise<void>(resolve => world.speaker.onSessionChange(() => resolve()));
  await world.speaker.addPeer(world.peer({localAddress: prefix('192.0.2.77/32').address}));
  await changed;
  t.is(world.session().state, 'pending');
  t.regex(world.session().lastError, /: the local address is not on this host \(EADDRNOTAVAIL\)$/);
});

test('a peer that is deleted gets a Cease, and is forgotten when its connection is closed', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  const deleted = world.speaker.deletePeer('doublezero0');
  t.deepEqual(await call.notification(), {code: 6, subcode: 3});
  await deleted;
  await call.ended();
  t.is(world.speaker.session('doublezero0'), undefined);
  t.deepEqual(world.speaker.routes('doublezero0', {limit: 10}), []);
});

test('a peer that does not close its side holds up its deletion for no more than a second', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  call.lingers = true;
  const start = performance.now();
  await world.speaker.deletePeer('doublezero0');
  const took = performance.now() - start;
  t.true(took > 500 && took < 30_000, `${took} ms`);
});

test('a session is taken up again after the peer has closed it', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  const again = world.device.call();
  call.socket.end();
  const {lastError} = await world.reaches('down');
  t.regex(lastError, /^127\.\S+ closed the connection$/);
  await (await again).establish();
  await world.reaches('up');
  t.is(world.device.calls, 2);
});
