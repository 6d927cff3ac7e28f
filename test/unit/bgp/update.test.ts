import test from 'ava';
import {attributeType} from '../../../src/bgp/codec/path-attributes.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {
  encodeAnnouncements,
  encodeEndOfRib,
  encodeUpdate,
  encodeWithdrawals,
} from '../../../src/bgp/codec/update-encode.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {
  attribute,
  bodyOf,
  codesOf,
  errorOf,
  mandatory,
  octets,
  prefixes,
  type UpdateParts,
  updateBody,
} from './octets.js';

const session = {asWidth: 4, external: true} as const;
const decode = (parts: UpdateParts) => decodeUpdate(updateBody(parts), session);
const announced = prefixes('198.51.100.7/32');
const nextHop = ipv4(0xc0000201);

const {origin, asPath} = mandatory;
const mpReach = attribute(0x80, 14, '000101 04c0000202 00 20c6336408');
const mpUnreach = attribute(0x80, 15, '000101 20c6336409');
const badOrigin = attribute(0x40, 1, '03');
const badAggregator = attribute(0xc0, 7, '00');

test('routes are announced with their next hop and attributes', t => {
  const {announcements, withdrawals, update} = decode({});
  t.deepEqual(announcements, [{nextHop, nlri: announced}]);
  t.deepEqual(withdrawals, []);
  t.deepEqual(update.pathAttributes.asPath, [{type: 'AS_SEQUENCE', numbers: [65001]}]);
});

test('routes in MP_REACH_NLRI need no NEXT_HOP and have their own', t => {
  const {announcements, treatAsWithdraw} = decode({attributes: [mpReach, origin, asPath], nlri: ''});
  t.is(treatAsWithdraw, undefined);
  t.deepEqual(announcements, [{nextHop: ipv4(0xc0000202), nlri: prefixes('198.51.100.8/32')}]);
});

test('what is withdrawn may stand in either field, beside routes', t => {
  const {withdrawals, announcements} = decode({
    withdrawn: '18c00002',
    attributes: [mpUnreach, ...Object.values(mandatory)],
  });
  t.deepEqual(withdrawals, [prefixes('192.0.2.0/24'), prefixes('198.51.100.9/32')]);
  t.deepEqual(announcements, [{nextHop, nlri: announced}]);
});

test('withdrawals need no attributes', t => {
  const {withdrawals, treatAsWithdraw} = decode({withdrawn: '18c00002', attributes: [], nlri: ''});
  t.deepEqual(withdrawals, [prefixes('192.0.2.0/24')]);
  t.is(treatAsWithdraw, undefined);
});

test('an empty UPDATE is the end of the routes', t => {
  t.true(decodeUpdate(bodyOf(encodeEndOfRib()), session).endOfRib);
});

test('so is an MP_UNREACH_NLRI for IPv4 unicast that lists nothing', t => {
  t.true(decode({attributes: [attribute(0x80, 15, '000101')], nlri: ''}).endOfRib);
});

test('the end of the routes of another family is not ours', t => {
  t.false(decode({attributes: [attribute(0x80, 15, '000201')], nlri: ''}).endOfRib);
});

test('no message with routes or withdrawals is the end of them', t => {
  t.false(decode({}).endOfRib);
  t.false(decode({withdrawn: '18c00002', attributes: [], nlri: ''}).endOfRib);
  t.false(decode({attributes: [mpUnreach], nlri: ''}).endOfRib);
  t.false(decode({attributes: [attribute(0x80, 15, '000101')], withdrawn: '18c00002', nlri: ''}).endOfRib);
});

test('routes of a family that was not offered are left out and noted', t => {
  const ipv6 = attribute(0x80, 14, `000201 10 ${'20010db8'.repeat(4)} 00 2020010db8`);
  const {announcements, discarded, treatAsWithdraw} = decode({attributes: [ipv6, origin, asPath], nlri: ''});
  t.deepEqual(announcements, []);
  t.is(treatAsWithdraw, undefined);
  t.deepEqual(discarded, ['MP_REACH_NLRI: not for this session']);
});

test('a transitive attribute nobody here knows is kept, with its flags', t => {
  const unknown = attribute(0xe0, 200, '010203');
  const {update} = decode({attributes: [...Object.values(mandatory), unknown]});
  t.deepEqual(update.pathAttributes.others, [{type: 200, flags: 0xe0, value: octets('010203')}]);
});

test('one that is not transitive is quietly left out', t => {
  const {update, discarded} = decode({attributes: [...Object.values(mandatory), attribute(0x80, 200, '010203')]});
  t.is(update.pathAttributes.others, undefined);
  t.deepEqual(discarded, []);
});

test('§3 (h): of several errors the strongest decides', t => {
  const {treatAsWithdraw, discarded} = decode({attributes: [badAggregator, badOrigin, asPath, mandatory.nextHop]});
  t.is(treatAsWithdraw && codesOf(treatAsWithdraw), '3/6');
  t.is(discarded.length, 1);
  const wellKnown = attribute(0x40, 200, '');
  t.is(codesOf(errorOf(() => decode({attributes: [badOrigin, wellKnown, asPath]}))), '3/2');
});

test('§3 (g): of an attribute that comes twice the first counts', t => {
  const {update, discarded, treatAsWithdraw} = decode({
    attributes: [...Object.values(mandatory), attribute(0x40, 1, '02'), attribute(0x40, 1, '99')],
  });
  t.is(treatAsWithdraw, undefined);
  t.is(update.pathAttributes.origin, 'IGP');
  t.deepEqual(discarded, ['ORIGIN: more than one']);
});

test('§2: routes treated as withdrawn are withdrawn from both fields, beside those that are anyhow', t => {
  const {announcements, withdrawals, treatAsWithdraw} = decode({
    withdrawn: '18c00002',
    attributes: [mpReach, badOrigin, asPath, mandatory.nextHop],
  });
  t.deepEqual(announcements, []);
  t.deepEqual(withdrawals, [prefixes('192.0.2.0/24'), announced, prefixes('198.51.100.8/32')]);
  t.is(treatAsWithdraw?.message, 'ORIGIN: value 3');
});

test('§4: an attribute that ends beyond the attributes has the routes withdrawn', t => {
  const {withdrawals, treatAsWithdraw} = decode({attributes: [...Object.values(mandatory), [0xc0, 8, 200, 1, 2]]});
  t.deepEqual(withdrawals, [announced]);
  t.is(treatAsWithdraw && codesOf(treatAsWithdraw), '3/1');
});

const tail = test.macro({
  title: (_given, rest: readonly number[]) => `§4: so has a rest of ${rest.length} octets, flags ${rest[0]}`,
  exec(t, rest: readonly number[]) {
    const {treatAsWithdraw} = decode({attributes: [...Object.values(mandatory), rest]});
    t.is(treatAsWithdraw && codesOf(treatAsWithdraw), '3/1');
  },
});
test(tail, [0x40]);
test(tail, [0x40, 5]);
test(tail, [0x50, 5, 0]);

const missing = test.macro({
  title: (_given, name: string) => `§3 (d): routes without ${name} are withdrawn`,
  exec(t, name: string, attributes: readonly (readonly number[])[], type: number, external: boolean) {
    const {withdrawals, treatAsWithdraw} = decodeUpdate(updateBody({attributes}), {asWidth: 4, external});
    t.deepEqual(withdrawals, [announced]);
    t.is(treatAsWithdraw && codesOf(treatAsWithdraw), '3/3');
    t.is(treatAsWithdraw?.message, `${name}: missing`);
    t.deepEqual(treatAsWithdraw?.data, Uint8Array.of(type));
  },
});
test(missing, 'ORIGIN', [asPath, mandatory.nextHop], attributeType.origin, true);
test(missing, 'AS_PATH', [origin, mandatory.nextHop], attributeType.asPath, true);
test(missing, 'NEXT_HOP', [origin, asPath], attributeType.nextHop, true);
test(missing, 'LOCAL_PREF', Object.values(mandatory), attributeType.localPref, false);

const resets = test.macro({
  title: (what = '') => `session reset: ${what}`,
  exec(t, body: Uint8Array, codes: string) {
    t.is(codesOf(errorOf(() => decodeUpdate(body, session))), codes);
  },
});
const all = Object.values(mandatory);
test('§3 (b): withdrawn routes longer than the message', resets, octets('0005 18c0 0000'), '3/1');
test('§3 (b): attributes longer than the message', resets, octets('0000 0005 400101'), '3/1');
test('§3 (b): nothing after the withdrawn routes', resets, octets('0002 18c0'), '3/1');
test('§3 (g): two MP_REACH_NLRI', resets, updateBody({attributes: [mpReach, mpReach, ...all]}), '3/1');
test('§3 (g): two MP_UNREACH_NLRI', resets, updateBody({attributes: [mpUnreach, mpUnreach, ...all]}), '3/1');
test('§5.2: a bad attribute without routes', resets, updateBody({attributes: [badOrigin], nlri: ''}), '3/6');
test(
  '§5.2: a bad attribute beside nothing but withdrawals',
  resets,
  updateBody({withdrawn: '18c00002', attributes: [badOrigin], nlri: ''}),
  '3/6',
);
test('§5.2: attributes that end too early without routes', resets, updateBody({attributes: [[0x40]], nlri: ''}), '3/1');
test('§5.3: an NLRI length over 32', resets, updateBody({nlri: '21c633640700'}), '3/10');
test('§5.3: an NLRI that ends beyond the message', resets, updateBody({nlri: '20c63364'}), '3/10');
test('§5.3: a withdrawn length over 32', resets, updateBody({withdrawn: '21c633640700'}), '3/10');
test('§5.3: a withdrawn route that ends beyond its field', resets, updateBody({withdrawn: '20c63364'}), '3/10');

test('§5.2: an attribute that is only discarded takes nothing with it, routes or not', t => {
  const {treatAsWithdraw, discarded} = decode({withdrawn: '18c00002', attributes: [badAggregator], nlri: ''});
  t.is(treatAsWithdraw, undefined);
  t.is(discarded.length, 1);
});

test('RFC 6793 §4.2.3: AS4 attributes are stale once a speaker of two octets has aggregated', t => {
  const {update} = decodeUpdate(
    updateBody({
      attributes: [
        origin,
        attribute(0x40, 2, '0202 fde9 5ba0'),
        mandatory.nextHop,
        attribute(0xc0, 7, 'fde9 0a090909'),
        attribute(0xc0, 17, '0201 fa56ea01'),
        attribute(0xc0, 18, 'fa56ea01 0a080808'),
      ],
    }),
    {asWidth: 2, external: true},
  );
  t.deepEqual(update.pathAttributes.asPath, [{type: 'AS_SEQUENCE', numbers: [65001, 23456]}]);
  t.deepEqual(update.pathAttributes.aggregator, {as: 65001, address: ipv4(0x0a090909)});
});

test('routes stand first in what is sent, then the attributes by their types', t => {
  const pathAttributes = {
    localPref: 100,
    asPath: [],
    origin: 'IGP',
    mpReach: {nextHop, nlri: announced},
  } as const;
  const body = bodyOf(encodeUpdate({withdrawnRoutes: prefixes(), pathAttributes, nlri: prefixes()}, 4));
  t.deepEqual([body[5], body[5 + 17], body[5 + 17 + 4], body[5 + 17 + 4 + 3]], [14, 1, 2, 5]);
});

test('routes for more than one message are divided, and all of them arrive', t => {
  const list = prefixes(...Array.from({length: 2000}, (_, index) => `10.0.${index >>> 8}.${index & 255}/32`));
  const attributes = {origin: 'IGP', asPath: [], nextHop} as const;
  const messages = encodeAnnouncements(attributes, list, 4);
  t.is(messages.length, 3);
  const read = messages.flatMap(message => decodeUpdate(bodyOf(message), session).announcements);
  t.deepEqual(
    read.flatMap(({nlri}) => [...nlri.addresses]),
    [...list.addresses],
  );
  const withdrawn = encodeWithdrawals(list).flatMap(message => decodeUpdate(bodyOf(message), session).withdrawals);
  t.deepEqual(
    withdrawn.flatMap(({addresses}) => [...addresses]),
    [...list.addresses],
  );
});

test('what does not fit into one message is refused', t => {
  const list = prefixes(...Array.from({length: 1000}, (_, index) => `10.0.${index >>> 8}.${index & 255}/32`));
  t.throws(() => encodeUpdate({withdrawnRoutes: list, pathAttributes: {}, nlri: prefixes()}, 4), {
    instanceOf: RangeError,
  });
});
