// What a peer can make us keep with its AS paths.
import test from 'ava';
import {AdjRibIn} from '../../../src/bgp/adj-rib-in.js';
import type {AsPath} from '../../../src/bgp/codec/as-path.js';
import {headerLength} from '../../../src/bgp/codec/message-header.js';
import {noPrefixes, prefixesIn} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeUpdate} from '../../../src/bgp/codec/update-encode.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {prefixes} from './octets.js';
import {type Changes, prefix, update} from './updates.js';

const device = prefix('169.254.0.0/32').address;
const numbers = (count: number) => Array.from({length: count}, (_, index) => 65_001 + index);

/** An UPDATE with that path as it is read from the wire. */
function withPath(asPath: AsPath, asWidth: 2 | 4 = 4) {
  const pathAttributes = {origin: 'IGP', nextHop: device, asPath} as const;
  const message = encodeUpdate({withdrawnRoutes: noPrefixes, pathAttributes, nlri: prefixes('11.0.0.1/32')}, asWidth);
  return decodeUpdate(message.subarray(headerLength), {asWidth, external: true});
}

const segments = (count: number): AsPath => [
  {type: 'AS_SEQUENCE', numbers: numbers(200)},
  {type: 'AS_SEQUENCE', numbers: numbers(count - 200)},
];

test('a path of 255 ASes is learned', t => {
  t.is(withPath(segments(255)).announcements.length, 1);
});

test('a longer path withdraws the routes, and says why', t => {
  const {announcements, withdrawals, treatAsWithdraw} = withPath(segments(256));
  t.deepEqual(announcements, []);
  t.deepEqual(withdrawals.flatMap(prefixesIn).map(formatPrefix), ['11.0.0.1/32']);
  t.is(treatAsWithdraw?.message, 'AS_PATH: 256 ASes, 255 at most are taken');
});

test('the ASes of a set count each, those that came as AS4_PATH among them', t => {
  const sets: AsPath = [
    {type: 'AS_SET', numbers: numbers(200)},
    {type: 'AS_SET', numbers: numbers(56)},
  ];
  t.regex(withPath(sets).treatAsWithdraw?.message ?? '', /256 ASes/);
  t.regex(withPath(sets, 2).treatAsWithdraw?.message ?? '', /256 ASes/);
});

test('the paths are counted prefix by prefix, and no more when they are replaced, withdrawn or cleared', t => {
  const rib = new AdjRibIn(device);
  const counts = (changes: Omit<Changes, 'nextHop'> & Partial<Changes>) => {
    rib.apply(update({nextHop: device, ...changes}));
    return rib.asNumbers;
  };
  t.is(counts({announce: ['11.0.0.1/32', '11.0.0.2/32'], path: numbers(3)}), 6);
  t.is(counts({announce: ['11.0.0.1/32', '11.0.0.3/32'], path: numbers(5)}), 13);
  t.is(counts({announce: ['11.0.0.1/32'], path: numbers(1)}), 9);
  t.is(counts({withdraw: ['11.0.0.3/32', '11.0.0.9/32']}), 4);
  t.is(counts({announce: ['11.0.0.2/32'], nextHop: prefix('192.0.2.9/32').address}), 1);
  t.is(counts({announce: ['11.0.0.2/32'], path: numbers(4)}), 5);
  rib.clear();
  t.is(rib.asNumbers, 0);
});
