import test from 'ava';
import fc from 'fast-check';
import {formatIpv4, formatPrefix, hasHostBits, ipv4, networkOf, parseIpv4, parsePrefix} from '../../../src/ip/ipv4.js';

const address = fc.integer({min: 0, max: 0xffffffff}).map(ipv4);

test('an address survives a round trip through text', t => {
  fc.assert(fc.property(address, value => parseIpv4(formatIpv4(value)) === value));
  t.pass();
});

test('a prefix survives a round trip through text', t => {
  fc.assert(
    fc.property(address, fc.integer({min: 0, max: 32}), (value, length) => {
      const prefix = {address: value, length};
      t.deepEqual(parsePrefix(formatPrefix(prefix)), prefix);
      t.false(hasHostBits(networkOf(prefix)));
    }),
  );
});

for (const text of ['', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', '1.2.3.4 ', '::1', '1.2.3.-4', '1e1.2.3.4']) {
  test(`"${text}" is no address`, t => t.is(parseIpv4(text), undefined));
}

for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/8/8', '/8', 'fe80::/10']) {
  test(`"${text}" is no prefix`, t => t.is(parsePrefix(text), undefined));
}
