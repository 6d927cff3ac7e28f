import test from 'ava';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {decodePrefixes, encodePrefixes, splitPrefixes} from '../../../src/bgp/codec/prefix-list.js';
import {errorOf, octets, prefixes} from './octets.js';

const malformed = (why: string) => new BgpError(3, 10, why);
const decode = (hex: string) => {
  const bytes = octets(hex);
  return decodePrefixes(bytes, 0, bytes.length, malformed);
};

test('prefixes of every length in octets are read', t => {
  const expected = prefixes('0.0.0.0/0', '10.0.0.0/8', '172.16.0.0/12', '192.0.2.0/24', '198.51.100.7/32');
  t.deepEqual(decode('00 080a 0cac10 18c00002 20c6336407'), expected);
});

test('bits after the prefix are cleared', t => {
  t.deepEqual(decode('04ff 19c6336481'), prefixes('240.0.0.0/4', '198.51.100.128/25'));
});

test('a length over 32 is malformed', t => {
  t.is(errorOf(() => decode('18c00002 21c633640700')).message, 'prefix length 33');
});

test('a prefix that ends beyond its field is malformed', t => {
  t.is(errorOf(() => decode('18c00002 20c63364')).message, 'a prefix ends beyond its field');
});

test('only the part asked for is read', t => {
  t.deepEqual(decodePrefixes(octets('ff 18c00002 ff'), 1, 5, malformed), prefixes('192.0.2.0/24'));
});

test('a list is cut where the next prefix does not fit, and nothing is lost', t => {
  const list = prefixes('10.0.0.0/8', '192.0.2.0/24', '198.51.100.7/32', '0.0.0.0/0', '203.0.113.0/24');
  const pieces = splitPrefixes(list, 6);
  t.deepEqual(pieces, [
    prefixes('10.0.0.0/8', '192.0.2.0/24'),
    prefixes('198.51.100.7/32', '0.0.0.0/0'),
    prefixes('203.0.113.0/24'),
  ]);
  t.true(pieces.every(piece => encodePrefixes(piece).length <= 6));
});

test('nothing is cut into nothing', t => {
  t.deepEqual(splitPrefixes(prefixes(), 6), []);
});
