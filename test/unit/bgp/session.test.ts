import test from 'ava';
import {encodeKeepalive} from '../../../src/bgp/codec/message-header.js';
import {cease, encodeNotification} from '../../../src/bgp/codec/notification.js';
import {decodeOpen, encodeOpen} from '../../../src/bgp/codec/open.js';
import {prefixesIn} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeEndOfRib} from '../../../src/bgp/codec/update-encode.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {openWorld, prefix} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

const noData = new Uint8Array();
const badPeerAs = encodeNotification({code: 2, subcode: 2, data: noData});

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

interface Refused {
  readonly open: Parameters<Call['sendOpen']>[0];
  readonly notification: {code: number; subcode: number};
  readonly error: string;
}

const refusesOpen = test.macro({
  title: (_given, {error}: Refused) => `an OPEN that will not do is answered: ${error}`,
  async exec(t, {open, notification, error}: Refused) {
    await using world = await openWorld();
    const call = await world.call();
    call.sendOpen(open);
    t.deepEqual(await call.notification(), notification);
    const {lastError} = await world.reaches('down');
    t.is(lastError, `we sent NOTIFICATION: OPEN Message Error / ${error}`);
    await call.ended();
    t.is(world.device.calls, 1);
  },
});

const otherAs = [{kind: 'capabilities' as const, capabilities: [{kind: 'four-octet-as' as const, as: 65_009}]}];
for (const refused of [
  {
    open: {optionalParameters: otherAs},
    notification: {code: 2, subcode: 2},
    error: 'Bad Peer AS (2/2): peer is AS 65009, AS 65001 expected',
  },
  {
    open: {holdTime: 2},
    notification: {code: 2, subcode: 6},
    error: 'Unacceptable Hold Time (2/6): hold time 2 s, 0 or at least 3 s expected',
  },
  {
    open: {bgpIdentifier: prefix('0.0.0.0/32').address},
    notification: {code: 2, subcode: 3},
    error: 'Bad BGP Identifier (2/3): BGP identifier 0.0.0.0',
  },
])
  test(refusesOpen, refused);

test('an OPEN of another version is answered with the version we speak', async t => {
  await using world = await openWorld();
  const call = await world.call();
  const open = encodeOpen(call.open);
  open[19] = 5;
  call.send(open);
  t.deepEqual(await call.next('notification'), Uint8Array.of(2, 1, 0, 4));
});

const reportsPeer = test.macro({
  title: given => `a NOTIFICATION right behind ${given} is what is reported`,
  async exec(t, open: Parameters<Call['sendOpen']>[0]) {
    await using world = await openWorld();
    const call = await world.call();
    call.send(encodeOpen({...call.open, ...open}), badPeerAs);
    const {lastError} = await world.reaches('down');
    t.is(lastError, 'peer sent NOTIFICATION: OPEN Message Error / Bad Peer AS (2/2)');
    await call.next('open');
    await call.ended(); // and nothing is said to that
    t.is(world.device.calls, 1);
  },
});
test('a good OPEN', reportsPeer, {});
test('an OPEN that is wrong itself', reportsPeer, {optionalParameters: otherAs, holdTime: 1});

test('the words of an operator who shut the session down are passed on', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  call.send(encodeNotification(cease(2, 'maintenance until 14:00')));
  const {lastError} = await world.reaches('down');
  t.is(lastError, 'peer sent NOTIFICATION: Cease / Administrative Shutdown (6/2): "maintenance until 14:00"');
});

interface OutOfPlace {
  readonly when: 'OpenSent' | 'OpenConfirm' | 'Established';
  readonly message: (call: Call) => Uint8Array;
  readonly subcode: number;
}

const refusesOutOfPlace = test.macro({
  title: (_given, {when, subcode}: OutOfPlace) =>
    `a message that has no place in ${when} ends the session with 5/${subcode}`,
  async exec(t, {when, message, subcode}: OutOfPlace) {
    await using world = await openWorld();
    const call = when === 'Established' ? await world.establish() : await world.call();
    if (when === 'OpenConfirm') {
      call.sendOpen();
      await world.reaches('initializing');
    }
    call.send(message(call));
    t.deepEqual(await call.notification(), {code: 5, subcode});
    const {lastError} = await world.reaches('down');
    t.regex(
      lastError,
      new RegExp(`^we sent NOTIFICATION: Finite State Machine Error / .* ${when} State \\(5/${subcode}\\)`),
    );
  },
});
test(refusesOutOfPlace, {when: 'OpenSent', message: encodeKeepalive, subcode: 1});
test(refusesOutOfPlace, {when: 'OpenConfirm', message: encodeEndOfRib, subcode: 2});
test(refusesOutOfPlace, {when: 'Established', message: ({open}) => encodeOpen(open), subcode: 3});

test('an UPDATE that cannot be read ends the session and says what was wrong with it', async t => {
  await using world = await openWorld();
  const call = await world.establish();
  const update = encodeEndOfRib();
  update[20] = 99; // withdrawn routes that would end beyond the message
  call.send(update);
  t.deepEqual(await call.notification(), {code: 3, subcode: 1});
  const {lastError} = await world.reaches('down');
  t.regex(
    lastError,
    /^we sent NOTIFICATION: UPDATE Message Error \/ Malformed Attribute List \(3\/1\): withdrawn routes/,
  );
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
  t.true(took > 500 && took < 5000, `${took} ms`);
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
