import test from 'ava';
import fc from 'fast-check';
import {formatPrefix, type Ipv4Prefix, ipv4, networkOf, parsePrefix} from '../../../src/ip/ipv4.js';
import {keyAddress, keyPrefix, ordinalKey, prefixKey, prefixOrdinal} from '../../../src/ip/prefix-key.js';

const network = fc
  .record({bits: fc.nat({max: 0xffff_ffff}), length: fc.nat({max: 32})})
  .map(({bits, length}) => networkOf({address: ipv4(bits), length}));

const keyOf = ({address, length}: Ipv4Prefix) => prefixKey(address, length);

test('a prefix survives being a key', t => {
  fc.assert(fc.property(network, prefix => t.deepEqual(keyPrefix(keyOf(prefix)), prefix)));
  fc.assert(fc.property(network, prefix => t.is(keyAddress(keyOf(prefix)), prefix.address)));
});

test('no two prefixes share a key', t => {
  fc.assert(fc.property(network, network, (a, b) => t.is(keyOf(a) === keyOf(b), formatPrefix(a) === formatPrefix(b))));
});

test('ordinals are in the order of address, then length, and lead back to the key', t => {
  const order = ({address, length}: Ipv4Prefix, other: Ipv4Prefix) => address - other.address || length - other.length;
  const ordinal = (prefix: Ipv4Prefix) => prefixOrdinal(keyOf(prefix));
  fc.assert(fc.property(network, network, (a, b) => t.is(Math.sign(ordinal(a) - ordinal(b)), Math.sign(order(a, b)))));
  fc.assert(fc.property(network, prefix => t.is(ordinalKey(ordinal(prefix)), keyOf(prefix))));
});

test('the ends of the address space have exact keys', t => {
  for (const text of ['0.0.0.0/0', '0.0.0.0/32', '255.255.255.255/32', '128.0.0.0/1']) {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new TypeError(text);
    t.is(formatPrefix(keyPrefix(keyOf(prefix))), text);
    t.true(Number.isSafeInteger(keyOf(prefix)));
  }
});
