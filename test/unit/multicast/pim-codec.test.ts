import test from 'ava';
import {type Ipv4, parseIpv4} from '../../../src/ip/ipv4.js';
import {internetChecksum} from '../../../src/multicast/checksum.js';
import {encodeHeartbeatDatagram} from '../../../src/multicast/heartbeat-datagram.js';
import {decodeIpv4Datagram, encodeIpv4Datagram} from '../../../src/multicast/ipv4-datagram.js';
import {decodeHello, encodeHello} from '../../../src/multicast/pim/hello.js';
import {decodeJoinPrune, encodeSharedTree} from '../../../src/multicast/pim/join-prune.js';
import {decodeMessage, encodeMessage, pimProtocol, pimType} from '../../../src/multicast/pim/message.js';
import {PimError} from '../../../src/multicast/pim/pim-error.js';
import {decodeRegisterStop, encodeRegister} from '../../../src/multicast/pim/register.js';
import {vectors} from './vectors.js';

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

const rp = ip('10.0.0.0');
const generationId = 3614426332;
const one = {upstream: ip('169.254.0.0'), rp, groups: [ip('239.0.0.1')]};
const two = {upstream: ip('169.254.4.58'), rp, groups: [ip('233.84.178.1'), ip('233.84.178.5')]};
const mtu = 1476;

test('a Hello is the one of the vector, and is read back', t => {
  const hello = {holdtime: 105, generationId, drPriority: 1};
  t.deepEqual(encodeHello(hello), vectors.hello);
  t.deepEqual(decodeHello(vectors.hello), hello);
});

test('a goodbye is the one of the vector', t => {
  t.deepEqual(encodeHello({holdtime: 0, generationId, drPriority: 1}), vectors.goodbye);
});

test('joins and prunes are those of the vectors', t => {
  t.deepEqual(encodeSharedTree({...one, action: 'join', holdtime: 120}, mtu), [vectors.join]);
  t.deepEqual(encodeSharedTree({...one, action: 'prune', holdtime: 5}, mtu), [vectors.prune]);
  t.deepEqual(encodeSharedTree({...two, action: 'join', holdtime: 120}, mtu), [vectors.joinOfTwo]);
});

test('a Join is read back as the (*,G) entries it is', t => {
  const joins = [{address: rp, wildcard: true, rpTree: true}];
  t.deepEqual(decodeJoinPrune(vectors.joinOfTwo), {
    upstream: two.upstream,
    holdtime: 120,
    groups: two.groups.map(group => ({group, joins, prunes: []})),
  });
});

test('a Register in its datagram is the one of the vector', t => {
  const payload = encodeRegister(ip('148.51.122.203'), ip('233.84.178.5'));
  const [source, destination] = [ip('169.254.4.59'), rp];
  t.deepEqual(encodeIpv4Datagram({source, destination, ttl: 32, protocol: pimProtocol, payload}), vectors.register);
});

test('a heartbeat is the one of the vector', t => {
  const [source, group] = [ip('148.51.122.203'), ip('233.84.178.5')];
  t.deepEqual(encodeHeartbeatDatagram({source, group, sourcePort: 40_000}), vectors.heartbeat);
});

test('an upstream neighbor of another address family is refused though its checksum is right', t => {
  t.is(internetChecksum(vectors.ipv6Upstream), 0);
  t.is(t.throws(() => decodeJoinPrune(vectors.ipv6Upstream), {instanceOf: PimError}).kind, 'encoding');
});

test('a Hello with more options in another order is read', t => {
  const stateRefresh = [0, 21, 0, 4, 1, 60, 0, 0];
  const options = [...stateRefresh, 0, 19, 0, 4, 0, 0, 0, 9, 0, 1, 0, 2, 0, 105, 0, 20, 0, 4, 0, 0, 0, 7];
  t.deepEqual(decodeHello(encodeMessage(pimType.hello, options)), {holdtime: 105, generationId: 7, drPriority: 9});
  t.deepEqual(decodeHello(encodeMessage(pimType.hello, [])), {});
});

test('an option that is longer than it may be, or than the message, is refused', t => {
  const kindOf = (...options: number[]) =>
    t.throws(() => decodeHello(encodeMessage(pimType.hello, options)), {instanceOf: PimError}).kind;
  t.is(kindOf(0, 1, 0, 3, 0, 0, 105), 'malformed');
  t.is(kindOf(0, 1, 0, 9, 0, 105), 'truncated');
  t.is(kindOf(0, 1), 'truncated');
});

test('another version and a flipped bit are refused', t => {
  const flipped = Uint8Array.from(vectors.hello, (octet, index) => (index === 9 ? octet ^ 1 : octet));
  t.is(t.throws(() => decodeMessage(flipped), {instanceOf: PimError}).kind, 'checksum');
  const other = Uint8Array.from(vectors.hello, (octet, index) => (index === 0 ? 0x10 : octet));
  t.is(t.throws(() => decodeMessage(other), {instanceOf: PimError}).kind, 'version');
});

test('a Register is understood with its checksum over all of it too', t => {
  const message = encodeRegister(ip('148.51.122.203'), ip('233.84.178.5'));
  t.is(decodeMessage(message).type, pimType.register);
  // An odd length, and a sum that is another one with the whole message in it.
  const whole = Uint8Array.of(...message, 1);
  new DataView(whole.buffer).setUint16(2, 0);
  new DataView(whole.buffer).setUint16(2, internetChecksum(whole));
  t.is(decodeMessage(whole).type, pimType.register);
});

test('a Register-Stop is read', t => {
  const [group, source] = [ip('233.84.178.5'), ip('148.51.122.203')];
  const body = [1, 0, 0, 32, 233, 84, 178, 5, 1, 0, 148, 51, 122, 203];
  t.deepEqual(decodeRegisterStop(encodeMessage(pimType.registerStop, body)), {group, source});
});

const groups = (count: number) => Array.from({length: count}, (_, index) => (ip('233.84.0.0') + index) as Ipv4);

for (const [size, sizes, limit] of [
  [72, [72], mtu],
  [73, [72, 1], mtu],
  [600, [255, 255, 90], 9000],
  [3, [1, 1, 1], 20],
] as const) {
  test(`${size} groups at an MTU of ${limit} become messages of ${sizes}, none lost`, t => {
    const messages = encodeSharedTree({...one, groups: groups(size), action: 'join', holdtime: 120}, limit);
    const read = messages.map(message => decodeJoinPrune(message).groups.map(({group}) => group));
    t.deepEqual(
      read.map(part => part.length),
      [...sizes],
    );
    t.deepEqual(read.flat(), groups(size));
  });
}

test('a datagram with options is read from behind them', t => {
  const bytes = Uint8Array.of(0x46, 0, 0, 26, 0, 0, 0, 0, 1, 103, 0, 0, 10, 0, 0, 1, 224, 0, 0, 13, 148, 4, 0, 0, 1, 2);
  t.like(decodeIpv4Datagram(bytes), {ttl: 1, protocol: 103, payload: Uint8Array.of(1, 2)});
  t.is(decodeIpv4Datagram(bytes.subarray(0, 25)), undefined);
});
