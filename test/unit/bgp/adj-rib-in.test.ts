import test from 'ava';
import fc from 'fast-check';
import {AdjRibIn} from '../../../src/bgp/adj-rib-in.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {formatPrefix, ipv4, networkOf} from '../../../src/ip/ipv4.js';
import {keyPrefix, type PrefixKey, prefixKey, prefixOrdinal} from '../../../src/ip/prefix-key.js';
import {type Changes, prefix, update} from './updates.js';

const key = (text: string) => prefixKey(prefix(text).address, prefix(text).length);
const text = (key: PrefixKey) => formatPrefix(keyPrefix(key));

const device = prefix('169.254.0.0/32').address;
const elsewhere = prefix('192.0.2.9/32').address;

function apply(rib: AdjRibIn, changes: Omit<Changes, 'nextHop'> & Partial<Changes>) {
  const {announced, withdrawn, badNextHop} = rib.apply(update({nextHop: device, ...changes}));
  return {announced: announced.map(text), withdrawn: withdrawn.map(text), badNextHop};
}

const all = (rib: AdjRibIn) => rib.keysAfter(undefined, 1e9).map(text);

test('what is announced is learned, and gone when it is withdrawn', t => {
  const rib = new AdjRibIn(device);
  t.deepEqual(apply(rib, {announce: ['11.0.0.1/32', '11.0.1.0/24']}), {
    announced: ['11.0.0.1/32', '11.0.1.0/24'],
    withdrawn: [],
    badNextHop: 0,
  });
  t.is(rib.size, 2);
  t.deepEqual(apply(rib, {withdraw: ['11.0.0.1/32']}), {announced: [], withdrawn: ['11.0.0.1/32'], badNextHop: 0});
  t.deepEqual(all(rib), ['11.0.1.0/24']);
});

test('a withdrawal of what was never learned changes nothing', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.0/24']});
  t.deepEqual(apply(rib, {withdraw: ['11.0.0.1/32', '11.0.0.0/25']}), {announced: [], withdrawn: [], badNextHop: 0});
  t.is(rib.size, 1);
});

test('a prefix that comes again replaces what was learned of it', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.1/32'], path: [65_001, 1]});
  t.deepEqual(apply(rib, {announce: ['11.0.0.1/32'], path: [65_001, 2, 3]}), {
    announced: ['11.0.0.1/32'],
    withdrawn: [],
    badNextHop: 0,
  });
  t.is(rib.size, 1);
  t.deepEqual(rib.asPath(key('11.0.0.1/32')), [{type: 'AS_SEQUENCE', numbers: [65_001, 2, 3]}]);
});

test('a prefix both withdrawn and announced in one message is announced', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.1/32'], path: [65_001, 1]});
  t.deepEqual(apply(rib, {withdraw: ['11.0.0.1/32'], announce: ['11.0.0.1/32'], path: [65_001, 2]}), {
    announced: ['11.0.0.1/32'],
    withdrawn: [],
    badNextHop: 0,
  });
  t.deepEqual(all(rib), ['11.0.0.1/32']);
  t.deepEqual(rib.asPath(key('11.0.0.1/32')), [{type: 'AS_SEQUENCE', numbers: [65_001, 2]}]);
});

test('the same address with another length is another prefix', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.0/24', '11.0.0.0/25', '0.0.0.0/0', '0.0.0.0/8']});
  apply(rib, {withdraw: ['11.0.0.0/24', '0.0.0.0/8']});
  t.deepEqual(all(rib), ['0.0.0.0/0', '11.0.0.0/25']);
});

test('a next hop other than the device is not taken, and takes back what was learned before', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.1/32']});
  t.deepEqual(apply(rib, {announce: ['11.0.0.1/32', '11.0.0.2/32'], nextHop: elsewhere}), {
    announced: [],
    withdrawn: ['11.0.0.1/32'],
    badNextHop: 2,
  });
  t.is(rib.size, 0);
  t.deepEqual(rib.asPath(key('11.0.0.1/32')), []);
});

test('MP_REACH_NLRI and NLRI of one message are judged each by its own next hop', t => {
  // ORIGIN, AS_PATH, NEXT_HOP elsewhere, MP_REACH_NLRI for 11.0.0.1/32 via the device; NLRI 11.0.0.2/32
  const attributes = [
    ...[0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9, 0x40, 3, 4, 192, 0, 2, 9],
    ...[0x80, 14, 14, 0, 1, 1, 4, 169, 254, 0, 0, 0, 32, 11, 0, 0, 1],
  ];
  const body = Uint8Array.from([0, 0, 0, attributes.length, ...attributes, 32, 11, 0, 0, 2]);
  const rib = new AdjRibIn(device);
  const {announced, badNextHop} = rib.apply(decodeUpdate(body, {asWidth: 4, external: true}));
  t.deepEqual(announced.map(text), ['11.0.0.1/32']);
  t.is(badNextHop, 1);
});

test('clearing forgets everything, and says what that was', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.2/32', '11.0.0.1/32']});
  t.deepEqual(rib.clear().map(text).sort(), ['11.0.0.1/32', '11.0.0.2/32']);
  t.is(rib.size, 0);
  t.deepEqual(all(rib), []);
  t.deepEqual(rib.clear(), []);
});

const network = fc
  .record({bits: fc.nat({max: 7}), shift: fc.nat({max: 29}), length: fc.nat({max: 32})})
  .map(({bits, shift, length}) => formatPrefix(networkOf({address: ipv4(bits << shift), length})));

test('pages of any size hold every prefix once, in the order of address and length', t => {
  fc.assert(
    fc.property(fc.uniqueArray(network), fc.integer({min: 1, max: 5}), (prefixes, limit) => {
      const rib = new AdjRibIn(device);
      apply(rib, {announce: prefixes});
      const seen: PrefixKey[] = [];
      for (let page = rib.keysAfter(undefined, limit); page.length > 0; page = rib.keysAfter(seen.at(-1), limit)) {
        t.true(page.length <= limit);
        seen.push(...page);
      }
      t.deepEqual(
        seen.map(text),
        prefixes
          .map(key)
          .sort((a, b) => prefixOrdinal(a) - prefixOrdinal(b))
          .map(text),
      );
    }),
  );
});

test('a page goes on after a prefix that is gone by then', t => {
  const rib = new AdjRibIn(device);
  apply(rib, {announce: ['11.0.0.1/32', '11.0.0.2/32', '11.0.0.3/32', '11.0.0.4/32']});
  const [, last] = rib.keysAfter(undefined, 2);
  apply(rib, {withdraw: ['11.0.0.1/32', '11.0.0.2/32'], announce: ['11.0.0.0/32', '11.0.0.5/32']});
  t.deepEqual(rib.keysAfter(last, 10).map(text), ['11.0.0.3/32', '11.0.0.4/32', '11.0.0.5/32']);
});

test('after any sequence of UPDATEs it holds what the last word on each prefix says', t => {
  const changes = fc.record({
    announce: fc.uniqueArray(network, {maxLength: 4}),
    withdraw: fc.uniqueArray(network, {maxLength: 4}),
    nextHop: fc.constantFrom(device, device, elsewhere),
  });
  fc.assert(
    fc.property(fc.array(changes), sequence => {
      const rib = new AdjRibIn(device);
      const kernel = new Set<string>();
      const expected = new Set<string>();
      for (const {announce, withdraw, nextHop} of sequence) {
        const {announced, withdrawn} = apply(rib, {announce, withdraw, nextHop});
        // In this order: whoever acts on the change need not know of one.
        for (const learned of announced) kernel.add(learned);
        for (const gone of withdrawn) kernel.delete(gone);
        for (const gone of withdraw) expected.delete(gone);
        for (const learned of announce) nextHop === device ? expected.add(learned) : expected.delete(learned);
      }
      t.deepEqual(all(rib).sort(), [...expected].sort());
      t.deepEqual([...kernel].sort(), [...expected].sort());
    }),
  );
});
