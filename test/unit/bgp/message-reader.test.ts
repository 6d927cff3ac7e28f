import test from 'ava';
import {encodeKeepalive, extendedMaximumLength, messageType} from '../../../src/bgp/codec/message-header.js';
import {MessageReader} from '../../../src/bgp/codec/message-reader.js';
import {encodeOpen} from '../../../src/bgp/codec/open.js';
import {openMessage} from '../../../src/bgp/session-parameters.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {codesOf, errorOf, octets} from './octets.js';

const marker = 'ff'.repeat(16);
const open = encodeOpen(openMessage({localAs: 65000, peerAs: 65001, bgpIdentifier: ipv4(1), holdTime: 90}));
const typesIn = (chunk: Uint8Array, reader = new MessageReader()) => [...reader.read(chunk)].map(({type}) => type);

test('messages in one segment come out one by one', t => {
  const stream = Uint8Array.of(...open, ...encodeKeepalive(), ...encodeKeepalive());
  t.deepEqual(typesIn(stream), [messageType.open, messageType.keepalive, messageType.keepalive]);
});

test('a message that comes octet by octet comes out once, with the last', t => {
  const reader = new MessageReader();
  const types = Array.from(open, octet => typesIn(Uint8Array.of(octet), reader));
  t.deepEqual(types.slice(0, -1).flat(), []);
  t.deepEqual(types.at(-1), [messageType.open]);
});

test('a body stays as it was while the next message is read', t => {
  const reader = new MessageReader();
  t.deepEqual([...reader.read(open.subarray(0, 25))], []);
  const [frame] = [...reader.read(open.subarray(25))];
  t.deepEqual([...reader.read(encodeKeepalive().subarray(0, 10))], []);
  t.deepEqual(frame?.body, open.slice(19));
});

const refuses = test.macro({
  title: (what = '') => `refuses ${what}`,
  exec(t, hex: string, codes: string, data: string) {
    const error = errorOf(() => typesIn(octets(hex)));
    t.is(codesOf(error), codes);
    t.deepEqual(error.data, octets(data));
  },
});
test('a marker that is not all ones', refuses, `${'ff'.repeat(15)}fe 0013 04`, '1/1', '');
test('a message shorter than a header', refuses, `${marker} 0012 04`, '1/2', '0012');
test('a message over 4,096 octets', refuses, `${marker} 1001 02`, '1/2', '1001');
test('a KEEPALIVE with a body', refuses, `${marker} 0014 04`, '1/2', '0014');
test('an OPEN that is too short', refuses, `${marker} 001c 01`, '1/2', '001c');
test('an UPDATE that is too short', refuses, `${marker} 0016 02`, '1/2', '0016');
test('a NOTIFICATION that is too short', refuses, `${marker} 0014 03`, '1/2', '0014');
test('a ROUTE-REFRESH of another length', refuses, `${marker} 0018 05`, '1/2', '0018');
test('a message type nobody knows', refuses, `${marker} 0013 06`, '1/3', '06');

test('good messages before a bad header are not lost', t => {
  const seen: number[] = [];
  const error = errorOf(() => {
    const stream = Uint8Array.of(...open, ...octets('00'.repeat(19)));
    for (const {type} of new MessageReader().read(stream)) seen.push(type);
  });
  t.deepEqual(seen, [messageType.open]);
  t.is(codesOf(error), '1/1');
});

test('longer messages are taken from the message on that raised the maximum', t => {
  const long = new Uint8Array(5000).fill(255, 0, 16);
  long.set(octets('1388 02'), 16);
  const reader = new MessageReader();
  const types: number[] = [];
  for (const {type} of reader.read(Uint8Array.of(...open, ...long))) {
    types.push(type);
    reader.maximumLength = extendedMaximumLength;
  }
  t.deepEqual(types, [messageType.open, messageType.update]);
});

test('an OPEN keeps to 4,096 octets even where longer messages are taken', t => {
  const reader = new MessageReader();
  reader.maximumLength = extendedMaximumLength;
  t.is(codesOf(errorOf(() => typesIn(octets(`${marker} 1001 01`), reader))), '1/2');
});
