import test from 'ava';
import fc from 'fast-check';
import {contains, type Ipv4Prefix, ipv4, networkOf, parsePrefix} from '../../../src/ip/ipv4.js';
import {prefixKey} from '../../../src/ip/prefix-key.js';
import {PrefixSet} from '../../../src/ip/prefix-set.js';

const prefix = (text: string): Ipv4Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
};
const covers = (set: PrefixSet, text: string) => set.covers(prefixKey(prefix(text).address, prefix(text).length));

test('an address is covered alone, a network with all that lies within it', t => {
  const set = new PrefixSet(['203.0.113.7/32', '198.51.100.0/24'].map(prefix));
  const covered = ['203.0.113.7/32', '198.51.100.0/24', '198.51.100.128/25', '198.51.100.255/32'];
  const others = ['203.0.113.6/32', '203.0.113.0/24', '198.51.100.0/23', '198.51.101.0/32', '0.0.0.0/0'];
  for (const text of covered) t.true(covers(set, text), text);
  for (const text of others) t.false(covers(set, text), text);
});

test('the whole address space covers everything, and nothing covers it but itself', t => {
  const all = new PrefixSet([prefix('0.0.0.0/0')]);
  for (const text of ['0.0.0.0/0', '0.0.0.0/32', '255.255.255.255/32', '128.0.0.0/1']) t.true(covers(all, text), text);
  t.false(covers(new PrefixSet(['0.0.0.0/1', '128.0.0.0/1'].map(prefix)), '0.0.0.0/0'));
});

test('a set of nothing covers nothing', t => {
  t.true(new PrefixSet([]).isEmpty);
  t.false(covers(new PrefixSet([]), '0.0.0.0/0'));
  t.false(new PrefixSet([prefix('0.0.0.0/0')]).isEmpty);
});

test('host bits make no difference', t => {
  t.true(covers(new PrefixSet([prefix('198.51.100.77/24')]), '198.51.100.1/32'));
});

test('a set covers a prefix exactly if one of its members contains it', t => {
  // Few distinct bits, so that members and questions often have to do with each other.
  const nearby = fc
    .record({bits: fc.nat({max: 15}), shift: fc.nat({max: 28}), length: fc.nat({max: 32})})
    .map(({bits, shift, length}) => networkOf({address: ipv4(bits << shift), length}));
  fc.assert(
    fc.property(fc.array(nearby, {maxLength: 6}), nearby, (members, asked) => {
      const expected = members.some(member => member.length <= asked.length && contains(member, asked.address));
      t.is(new PrefixSet(members).covers(prefixKey(asked.address, asked.length)), expected);
    }),
  );
});
