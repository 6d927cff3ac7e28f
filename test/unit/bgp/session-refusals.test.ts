// What the speaker will not have of a peer, the peer of the speaker, and what each says then.
import test from 'ava';
import {encodeKeepalive} from '../../../src/bgp/codec/message-header.js';
import {cease, encodeNotification} from '../../../src/bgp/codec/notification.js';
import {encodeOpen} from '../../../src/bgp/codec/open.js';
import {encodeEndOfRib} from '../../../src/bgp/codec/update-encode.js';
import {openWorld, prefix} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

const noData = new Uint8Array();
const badPeerAs = encodeNotification({code: 2, subcode: 2, data: noData});

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
