import test from 'ava';
import {clip} from '../../../src/rpc/text.js';

test('text that fits is kept', t => t.is(clip('für', 4), 'für'));

test('text that is too long ends in an ellipsis and fits', t => {
  t.is(clip('abcdefgh', 6), 'abc…');
  t.is(Buffer.byteLength(clip('abcdefgh', 6)), 6);
});

test('a character of several bytes is not cut in two', t => t.is(clip('aüüüü', 6), 'aü…'));

test('a lone surrogate, which no header can hold, is replaced', t => t.is(clip('a\ud800b', 10), 'a\ufffdb'));
