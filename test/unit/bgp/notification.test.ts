import test from 'ava';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {
  cease,
  decodeNotification,
  encodeNotification,
  type Notification,
  shutdownCommunication,
} from '../../../src/bgp/codec/notification.js';
import {describeError, describeNotification} from '../../../src/bgp/notification-text.js';
import {bodyOf, codesOf, errorOf, octets} from './octets.js';

const received = (code: number, subcode: number, data = ''): Notification => ({code, subcode, data: octets(data)});
const describe = (notification: Notification) => describeNotification('peer', notification);

test('a shutdown carries words for the other operator', t => {
  const notification = decodeNotification(bodyOf(encodeNotification(cease(2, 'see ticket 42 — bis später'))));
  t.is(shutdownCommunication(notification), 'see ticket 42 — bis später');
});

test('words too long for it are cut off between two characters', t => {
  const words = shutdownCommunication(cease(2, `${'a'.repeat(254)}ä`));
  t.is(words, 'a'.repeat(254));
});

test('a Cease without words has no data', t => {
  t.deepEqual(cease(3), received(6, 3));
});

const silent = test.macro({
  title: (what = '') => `there are no words in ${what}`,
  exec(t, notification: Notification) {
    t.is(shutdownCommunication(notification), undefined);
  },
});
test('a length of 0', silent, received(6, 2, '00'));
test('a length beyond the data', silent, received(6, 2, '05 6162'));
test('no data', silent, received(6, 2));
test('another subcode', silent, received(6, 3, '02 6162'));
test('another code', silent, received(2, 2, '02 6162'));

test('data that would make the message too long is cut off', t => {
  const message = encodeNotification({code: 3, subcode: 5, data: new Uint8Array(60_000)});
  t.is(message.length, 4096);
});

test('a body without a subcode is a bad length', t => {
  t.is(codesOf(errorOf(() => decodeNotification(octets('06')))), '1/2');
});

test('what we send is told with what was wrong', t => {
  t.is(
    describeError(new BgpError(2, 2, 'peer is AS 65002, AS 65001 expected')),
    'we sent NOTIFICATION: OPEN Message Error / Bad Peer AS (2/2): peer is AS 65002, AS 65001 expected',
  );
});

test('codes nobody knows are told as numbers', t => {
  t.is(describe(received(99, 7)), 'peer sent NOTIFICATION: unknown error (99/7)');
  t.is(describe(received(6, 77)), 'peer sent NOTIFICATION: Cease (6/77)');
});

test('words from the peer cannot forge a line or turn the terminal around', t => {
  const words = cease(2, 'down\n2026 INFO all is well\u001b[2J\u202egnip\u2028next');
  t.is(
    describe(words),
    'peer sent NOTIFICATION: Cease / Administrative Shutdown (6/2): ' +
      '"down\ufffd2026 INFO all is well\ufffd[2J\ufffdgnip\ufffdnext"',
  );
});

test('words that are not UTF-8 are told as far as they are', t => {
  t.true(describe(received(6, 4, '03 61ff62')).endsWith('(6/4): "a\ufffdb"'));
});

test('a Hard Reset tells what it is for, one level deep', t => {
  t.is(
    describe(received(6, 9, '0609 0609 0609')),
    'peer sent NOTIFICATION: Cease / Hard Reset (6/9) for Cease / Hard Reset (6/9)',
  );
  t.is(describe(received(6, 9)), 'peer sent NOTIFICATION: Cease / Hard Reset (6/9)');
});
