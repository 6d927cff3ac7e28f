import test from 'ava';
import {
  type AsPath,
  type AsPathSegment,
  asPathLength,
  decodeAsPath,
  encodeAsPath,
  formatAsPath,
  mergeAs4Path,
} from '../../../src/bgp/codec/as-path.js';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {octets} from './octets.js';

const sequence = (...numbers: number[]): AsPathSegment => ({type: 'AS_SEQUENCE', numbers});
const set = (...numbers: number[]): AsPathSegment => ({type: 'AS_SET', numbers});

test('a path is written as operators do', t => {
  t.is(formatAsPath([sequence(65001, 4200000001), set(65010, 65011)]), '65001 4200000001 {65010,65011}');
  t.is(formatAsPath([]), '');
});

test('a set counts as one AS', t => {
  t.is(asPathLength([sequence(65001, 65002), set(65010, 65011)]), 3);
});

test('a number that does not fit is sent as AS_TRANS', t => {
  t.deepEqual(encodeAsPath([sequence(65001, 4200000001)], 2), octets('0202 fde9 5ba0'));
});

test('a segment that cannot be sent is refused', t => {
  t.throws(() => encodeAsPath([sequence()], 4), {instanceOf: RangeError});
  t.throws(() => encodeAsPath([sequence(...new Array<number>(256).fill(1))], 4), {instanceOf: RangeError});
});

test('confederation segments are dropped where that is asked for', t => {
  const value = octets('0301 0000fdea 0201 0000fde9 0401 0000fdeb');
  t.deepEqual(
    decodeAsPath(value, 4, 'drop', why => new BgpError(3, 11, why)),
    [sequence(65001)],
  );
});

const merges = test.macro({
  title: (what = '') => `AS4_PATH ${what}`,
  exec(t, path: AsPath, as4Path: AsPath, merged: AsPath) {
    t.deepEqual(mergeAs4Path(path, as4Path), merged);
  },
});
test('as long as AS_PATH replaces it', merges, [sequence(1, 23456)], [sequence(1, 70000)], [sequence(1, 70000)]);
test(
  'that is shorter is preceded by what was put in front since',
  merges,
  [sequence(5, 4, 23456, 1)],
  [sequence(70000, 1)],
  [sequence(5, 4, 70000, 1)],
);
test('that is longer is ignored', merges, [sequence(23456)], [sequence(70000, 1)], [sequence(23456)]);
test(
  'is preceded by whole sets',
  merges,
  [set(7, 8), sequence(23456, 1)],
  [sequence(70000, 1)],
  [set(7, 8), sequence(70000, 1)],
);
test(
  'starts a segment of its own where one segment cannot count that many',
  merges,
  [sequence(...new Array<number>(200).fill(9)), sequence(...new Array<number>(200).fill(23456))],
  [sequence(...new Array<number>(200).fill(70000))],
  [sequence(...new Array<number>(200).fill(9)), sequence(...new Array<number>(200).fill(70000))],
);
