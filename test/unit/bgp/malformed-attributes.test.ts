import test from 'ava';
import {prefixesIn} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {attribute, codesOf, errorOf, mandatory, octets, prefixes, updateBody} from './octets.js';

// RFC 7606 §7, kind by kind. Each UPDATE announces 198.51.100.7/32 and is right but for the attribute named.

const outside = {asWidth: 4, external: true} as const;
const outsideTwoOctets = {asWidth: 2, external: true} as const;
const inside = {asWidth: 4, external: false} as const;
const localPref = attribute(0x40, 5, '00000064');

type Session = typeof outside | typeof outsideTwoOctets | typeof inside;

/** A right UPDATE for that session with `bad` in place of an attribute of its type, or added. */
function updateWith(bad: readonly number[], session: Session): Uint8Array {
  const asPath = session.asWidth === 4 ? mandatory.asPath : attribute(0x40, 2, '0201 fde9');
  const right = [mandatory.origin, asPath, mandatory.nextHop, ...(session.external ? [] : [localPref])];
  return updateBody({attributes: [...right.filter(([, type]) => type !== bad[1]), bad]});
}

const withdraws = test.macro({
  title: (what = '') => `treat-as-withdraw: ${what}`,
  exec(t, bad: readonly number[], codes: string, session: Session = outside) {
    const {announcements, withdrawals, treatAsWithdraw} = decodeUpdate(updateWith(bad, session), session);
    t.deepEqual(announcements, []);
    t.deepEqual(withdrawals, [prefixes('198.51.100.7/32')]);
    t.is(treatAsWithdraw && codesOf(treatAsWithdraw), codes);
  },
});

const discards = test.macro({
  title: (what = '') => `attribute discard: ${what}`,
  exec(t, bad: readonly number[], note: string, session: Session = outside) {
    const {announcements, discarded, update, treatAsWithdraw} = decodeUpdate(updateWith(bad, session), session);
    t.is(announcements.length, 1);
    t.deepEqual(discarded, [note]);
    t.is(treatAsWithdraw, undefined);
    const without = session.external ? ['asPath', 'nextHop', 'origin'] : ['asPath', 'localPref', 'nextHop', 'origin'];
    t.deepEqual(Object.keys(update.pathAttributes).sort(), without);
  },
});

const resets = test.macro({
  title: (what = '') => `session reset: ${what}`,
  exec(t, bad: readonly number[], codes: string) {
    const error = errorOf(() => decodeUpdate(updateWith(bad, outside), outside));
    t.is(codesOf(error), codes);
    t.deepEqual(error.data, Uint8Array.from(bad));
  },
});

test('§7.1 ORIGIN of 2 octets', withdraws, attribute(0x40, 1, '0000'), '3/5');
test('§7.1 ORIGIN of no octet', withdraws, attribute(0x40, 1, ''), '3/5');
test('§7.1 ORIGIN with an undefined value', withdraws, attribute(0x40, 1, '03'), '3/6');

test('§7.2 AS_PATH with an undefined segment type', withdraws, attribute(0x40, 2, '0501 0000fde9'), '3/11');
test('§7.2 AS_PATH with segment type 0', withdraws, attribute(0x40, 2, '0001 0000fde9'), '3/11');
test('§7.2 AS_PATH with a segment that is overrun', withdraws, attribute(0x40, 2, '0202 0000fde9'), '3/11');
test('§7.2 AS_PATH with a single octet left', withdraws, attribute(0x40, 2, '0201 0000fde9 02'), '3/11');
test('§7.2 AS_PATH with an empty segment', withdraws, attribute(0x40, 2, '0200 0201 0000fde9'), '3/11');
test('§7.2 AS_PATH in the other width', withdraws, attribute(0x40, 2, '0201 0000fde9'), '3/11', outsideTwoOctets);
test('RFC 5065 §5 AS_PATH with a confederation', withdraws, attribute(0x40, 2, '0301 0000fde9'), '3/11');
test('RFC 7607 §2 AS_PATH with AS 0', withdraws, attribute(0x40, 2, '0202 0000fde9 00000000'), '3/11');

test('§7.3 NEXT_HOP of 3 octets', withdraws, attribute(0x40, 3, 'c00002'), '3/5');
test('§7.3 NEXT_HOP of 16 octets', withdraws, attribute(0x40, 3, 'c0000201'.repeat(4)), '3/5');
test('§3 (e) NEXT_HOP 0.0.0.0', withdraws, attribute(0x40, 3, '00000000'), '3/8');
test('§3 (e) NEXT_HOP that loops back', withdraws, attribute(0x40, 3, '7f000001'), '3/8');
test('§3 (e) NEXT_HOP that is a group', withdraws, attribute(0x40, 3, 'e0000005'), '3/8');
test('§3 (e) NEXT_HOP that is broadcast', withdraws, attribute(0x40, 3, 'ffffffff'), '3/8');

test('§7.4 MULTI_EXIT_DISC of 3 octets', withdraws, attribute(0x80, 4, '000001'), '3/5');

test('§7.5 LOCAL_PREF of 3 octets', withdraws, attribute(0x40, 5, '000064'), '3/5', inside);
test('§7.5 LOCAL_PREF from outside', discards, localPref, 'LOCAL_PREF: not for this session');
test(
  '§7.5 LOCAL_PREF of 3 octets from outside',
  discards,
  attribute(0x40, 5, '000064'),
  'LOCAL_PREF: not for this session',
);

test('§7.6 ATOMIC_AGGREGATE of 1 octet', discards, attribute(0x40, 6, '00'), 'ATOMIC_AGGREGATE: 1 octets, 0 expected');

test('§7.7 AGGREGATOR of 6 octets', discards, attribute(0xc0, 7, 'fde9 0a090909'), 'AGGREGATOR: 6 octets, 8 expected');
test(
  '§7.7 AGGREGATOR of 8 octets on a session of two octets',
  discards,
  attribute(0xc0, 7, '0000fde9 0a090909'),
  'AGGREGATOR: 8 octets, 6 expected',
  outsideTwoOctets,
);
test('RFC 7607 §2 AGGREGATOR with AS 0', discards, attribute(0xc0, 7, '00000000 0a090909'), 'AGGREGATOR: AS 0');

test('§7.8 COMMUNITIES of 6 octets', withdraws, attribute(0xc0, 8, 'fde90007 fde9'), '3/5');
test('§7.8 COMMUNITIES of no octet', withdraws, attribute(0xc0, 8, ''), '3/5');

test('§7.9 ORIGINATOR_ID of 3 octets', withdraws, attribute(0x80, 9, '0a0909'), '3/5', inside);
test(
  '§7.9 ORIGINATOR_ID from outside',
  discards,
  attribute(0x80, 9, '0a090909'),
  'ORIGINATOR_ID: not for this session',
);

test('§7.10 CLUSTER_LIST of 6 octets', withdraws, attribute(0x80, 10, '0a090909 0a09'), '3/5', inside);
test('§7.10 CLUSTER_LIST of no octet', withdraws, attribute(0x80, 10, ''), '3/5', inside);
test('§7.10 CLUSTER_LIST from outside', discards, attribute(0x80, 10, '0a09'), 'CLUSTER_LIST: not for this session');

test(
  '§7.11 MP_REACH_NLRI with a next hop of 16 octets',
  resets,
  attribute(0x80, 14, `000101 10 ${'c0000201'.repeat(4)} 00`),
  '3/9',
);
test('§7.11 MP_REACH_NLRI with a next hop of no octet', resets, attribute(0x80, 14, '000101 00 00 20c6336408'), '3/9');
test('§5.3 MP_REACH_NLRI that ends within the next hop', resets, attribute(0x80, 14, '000101 04 c00002'), '3/9');
test('§5.3 MP_REACH_NLRI of 2 octets', resets, attribute(0x80, 14, '0001'), '3/9');
test(
  '§5.3 MP_REACH_NLRI with a length over 32',
  resets,
  attribute(0x80, 14, '000101 04c0000201 00 21c633640700'),
  '3/9',
);
test('§5.3 MP_REACH_NLRI with a prefix overrun', resets, attribute(0x80, 14, '000101 04c0000201 00 20c63364'), '3/9');
test(
  '§5.3 MP_REACH_NLRI with wrong flags and a prefix overrun',
  resets,
  attribute(0xc0, 14, '000101 04c0000201 00 20c63364'),
  '3/9',
);

test('§5.3, §7.12 MP_UNREACH_NLRI of 2 octets', resets, attribute(0x80, 15, '0001'), '3/9');
test('§5.3, §7.12 MP_UNREACH_NLRI with a length over 32', resets, attribute(0x80, 15, '000101 21c633640700'), '3/9');
test('§5.3, §7.12 MP_UNREACH_NLRI with a prefix overrun', resets, attribute(0x80, 15, '000101 20c63364'), '3/9');

test('§7.13 nothing is malformed in a Traffic Engineering attribute: RFC 5543 does not say what would be', t => {
  const body = updateWith(attribute(0x80, 24, '00'), outside);
  const {announcements, treatAsWithdraw, discarded, update} = decodeUpdate(body, outside);
  t.is(announcements.length, 1);
  t.is(treatAsWithdraw, undefined);
  t.deepEqual(discarded, []);
  t.is(update.pathAttributes.others, undefined); // unknown and not transitive: left out
});

test('§7.14 EXTENDED COMMUNITIES of 7 octets', withdraws, attribute(0xc0, 16, '0002fde9000000'), '3/5');
test('§7.14 EXTENDED COMMUNITIES of no octet', withdraws, attribute(0xc0, 16, ''), '3/5');
test('§7.15 IPv6 EXTENDED COMMUNITIES of 8 octets', withdraws, attribute(0xc0, 25, '0002fde900000009'), '3/5');
test('§7.16 ATTR_SET without an origin AS', withdraws, attribute(0xc0, 128, '0000fd'), '3/5');
test('RFC 8092 §5 LARGE_COMMUNITY of 8 octets', withdraws, attribute(0xc0, 32, '0000fde900000009'), '3/5');

test(
  'RFC 6793 §3 AS4_PATH on a session of four octets',
  discards,
  attribute(0xc0, 17, '0201 0000fde9'),
  'AS4_PATH: not for this session',
);
test(
  'RFC 6793 §3 AS4_AGGREGATOR on a session of four octets',
  discards,
  attribute(0xc0, 18, '0000fde9 0a090909'),
  'AS4_AGGREGATOR: not for this session',
);
test(
  'RFC 6793 §6 AS4_PATH with a segment overrun',
  discards,
  attribute(0xc0, 17, '0202 0000fde9'),
  'AS4_PATH: a segment ends beyond the attribute',
  outsideTwoOctets,
);
test(
  'RFC 6793 §6 AS4_AGGREGATOR of 6 octets',
  discards,
  attribute(0xc0, 18, 'fde9 0a090909'),
  'AS4_AGGREGATOR: 6 octets, 8 expected',
  outsideTwoOctets,
);

test('§3 (c) ORIGIN marked optional', withdraws, attribute(0xc0, 1, '00'), '3/4');
test('§3 (c) AS_PATH not transitive', withdraws, attribute(0x00, 2, '0201 0000fde9'), '3/4');
test('§3 (c) MULTI_EXIT_DISC marked transitive', withdraws, attribute(0xc0, 4, '00000001'), '3/4');
test('§3 (c) COMMUNITIES marked well-known', withdraws, attribute(0x40, 8, 'fde90007'), '3/4');
test('§3 (c) ATOMIC_AGGREGATE marked optional', withdraws, attribute(0xc0, 6, ''), '3/4');
test('§3 (c) AGGREGATOR marked well-known', withdraws, attribute(0x40, 7, '0000fde9 0a090909'), '3/4');

const withdrawsListed = test.macro({
  title: (what = '') => `treat-as-withdraw: ${what}`,
  exec(t, bad: readonly number[]) {
    const {announcements, withdrawals, treatAsWithdraw} = decodeUpdate(updateWith(bad, outside), outside);
    t.deepEqual(announcements, []);
    t.deepEqual(withdrawals.flatMap(prefixesIn).map(formatPrefix).sort(), ['198.51.100.7/32', '198.51.100.8/32']);
    t.is(treatAsWithdraw && codesOf(treatAsWithdraw), '3/4');
  },
});
const reach = '000101 04c0000201 00 20c6336408';
const unreach = '000101 20c6336408';
test('§3 (c) MP_REACH_NLRI marked transitive', withdrawsListed, attribute(0xc0, 14, reach));
test('§3 (c) MP_UNREACH_NLRI marked well-known', withdrawsListed, attribute(0x40, 15, unreach));

const alone = (bad: readonly number[]) => () => decodeUpdate(updateBody({attributes: [bad], nlri: ''}), outside);
test('§5.2 MP_UNREACH_NLRI alone with wrong flags withdraws what it lists, and is no end-of-RIB', t => {
  t.deepEqual(alone(attribute(0x40, 15, unreach))().withdrawals, [prefixes('198.51.100.8/32')]);
  t.false(alone(attribute(0x40, 15, '000101'))().endOfRib);
});
test('§5.2 MP_UNREACH_NLRI with wrong flags and something cut off behind it is a session reset', t => {
  t.is(codesOf(errorOf(alone([...attribute(0x40, 15, unreach), 0x40]))), '3/4');
});

test('RFC 4271 §6.3 a well-known attribute nobody knows', resets, attribute(0x40, 200, '01'), '3/2');

test('the NOTIFICATION of an error would quote the attribute', t => {
  const {treatAsWithdraw} = decodeUpdate(updateWith(attribute(0x40, 1, '03'), outside), outside);
  t.deepEqual(treatAsWithdraw?.data, octets('40 01 01 03'));
});

test('the Partial bit and the unused ones are no error', t => {
  const {treatAsWithdraw} = decodeUpdate(updateWith(attribute(0x6f, 1, '00'), outside), outside);
  t.is(treatAsWithdraw, undefined);
});
