import test from 'ava';
import fc from 'fast-check';
import {ipv4} from '../../../src/ip/ipv4.js';
import {internetChecksum} from '../../../src/multicast/checksum.js';
import {decodeIpv4Datagram, encodeIpv4Datagram} from '../../../src/multicast/ipv4-datagram.js';
import {decodeHello, encodeHello} from '../../../src/multicast/pim/hello.js';
import {decodeJoinPrune, encodeJoinPrune} from '../../../src/multicast/pim/join-prune.js';
import {decodeMessage, encodeMessage, pimType} from '../../../src/multicast/pim/message.js';
import {PimError} from '../../../src/multicast/pim/pim-error.js';
import {decodeRegisterStop} from '../../../src/multicast/pim/register.js';
import {vectors} from './vectors.js';

const address = fc.nat(0xffffffff).map(ipv4);
const source = fc.record({address, wildcard: fc.boolean(), rpTree: fc.boolean()});
const sources = fc.array(source, {maxLength: 5});
const joinPrune = fc.record({
  upstream: address,
  holdtime: fc.nat(0xffff),
  groups: fc.array(fc.record({group: address, joins: sources, prunes: sources}), {maxLength: 8}),
});
const number = fc.nat(0xffffffff);
const hello = fc.record({holdtime: fc.nat(0xffff), generationId: number, drPriority: number}, {requiredKeys: []});

test('a Hello survives a round trip', t => {
  fc.assert(fc.property(hello, value => void t.deepEqual(decodeHello(encodeHello(value)), value)));
});

test('joins and prunes for several groups with several sources each survive a round trip in their order', t => {
  fc.assert(fc.property(joinPrune, value => void t.deepEqual(decodeJoinPrune(encodeJoinPrune(value)), value)));
});

test('a datagram survives a round trip, its header checked by its checksum', t => {
  const octet = fc.nat(255);
  const datagram = fc.record({
    source: address,
    destination: address,
    ttl: octet,
    protocol: octet,
    payload: fc.uint8Array({maxLength: 80}),
  });
  fc.assert(
    fc.property(datagram, value => {
      const bytes = encodeIpv4Datagram(value);
      t.is(internetChecksum(bytes.subarray(0, 20)), 0);
      t.deepEqual(decodeIpv4Datagram(bytes), value);
    }),
  );
});

const decoders = {decodeMessage, decodeHello, decodeJoinPrune, decodeRegisterStop};

/** Decodes, or fails with the one error there is. */
function isReadOrRefused(bytes: Uint8Array): boolean {
  return Object.values(decoders).every(decode => {
    try {
      decode(bytes);
      return true;
    } catch (error) {
      return error instanceof PimError;
    }
  });
}

test('any octets at all are read or refused', t => {
  fc.assert(fc.property(fc.uint8Array({maxLength: 120}), isReadOrRefused), {numRuns: 2000});
  t.pass();
});

test('any body behind a right header is read or refused', t => {
  const type = fc.constantFrom(...Object.values(pimType));
  const body = fc.uint8Array({maxLength: 120});
  fc.assert(
    fc.property(type, body, (kind, octets) => isReadOrRefused(encodeMessage(kind, octets))),
    {numRuns: 5000},
  );
  t.pass();
});

test('a good message that was cut short or changed is read or refused', t => {
  const {hello: first, join, joinOfTwo, prune, goodbye} = vectors;
  const seed = fc.constantFrom(first, join, joinOfTwo, prune, goodbye);
  const damage = fc.record({seed, cut: fc.nat(60), at: fc.nat(60), octet: fc.nat(255)});
  fc.assert(
    fc.property(damage, ({seed: message, cut, at, octet}) => {
      const body = message.slice(4, Math.max(4, message.length - cut));
      if (at < body.length) body[at] = octet;
      return isReadOrRefused(encodeMessage((message[0] ?? 0) & 0xf, body));
    }),
    {numRuns: 5000},
  );
  t.pass();
});

test('the checksum finds every single changed bit', t => {
  for (let bit = 0; bit < vectors.joinOfTwo.length * 8; bit++) {
    const changed = vectors.joinOfTwo.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.throws(() => decodeMessage(changed), {instanceOf: PimError});
  }
});
