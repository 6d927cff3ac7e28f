import test from 'ava';
import {parseAltNames} from '../../../src/access/subject-alt-names.js';

test('a certificate without alternative names has none', t => t.deepEqual(parseAltNames(undefined), []));

test('names are taken apart in their order, with all their kinds', t => {
  t.deepEqual(parseAltNames('URI:spiffe://example.org/a?b=c, DNS:a.example, IP Address:2001:DB8:0:0:0:0:0:1'), [
    {kind: 'URI', value: 'spiffe://example.org/a?b=c'},
    {kind: 'DNS', value: 'a.example'},
    {kind: 'IP Address', value: '2001:DB8:0:0:0:0:0:1'},
  ]);
});

test('a quoted value is one value, whatever it looks like', t => {
  t.deepEqual(parseAltNames(String.raw`DNS:"a.example, URI:spiffe://b/c", URI:"a\u0000\"\\"`), [
    {kind: 'DNS', value: 'a.example, URI:spiffe://b/c'},
    {kind: 'URI', value: 'a\0"\\'},
  ]);
});

for (const text of [
  'a.example',
  'DNS:a.example,URI:b',
  'DNS:a.example, ',
  'DNS:a.example, b',
  'DNS:"a.example',
  'DNS:"a"b',
  String.raw`DNS:"a\x00"`,
  'DNS:a\nURI:b',
  'DNS:a\0b',
  'DNS:æ',
  "DNS:a'b",
  ':a',
  '1:a',
]) {
  test(`${JSON.stringify(text)} is not guessed at`, t => t.is(parseAltNames(text), undefined));
}
