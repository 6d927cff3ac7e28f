import test from 'ava';
import fc from 'fast-check';
import {ipv4} from '../../../src/ip/ipv4.js';
import {decodeSocket, destroySocket, dumpSockets} from '../../../src/netlink/kernel/socket-codec.js';
import {familyInet, familyInet6, headerLength, messageType} from '../../../src/netlink/kernel/wire.js';
import {ip} from '../../contract/netlinker/world.js';

const tunnelIp = ip('10.99.0.1');

// Both are messages of Linux 6.18's answer to `dumpSockets`: a TCP connection 10.99.0.1:20002 to 192.0.2.1:20001, and a
// UDP socket of IPv6 bound to [::ffff:10.99.0.1]:20003.
const captured = {
  tcp:
    '7c0000001400020001000000d23a0008020100004e224e210a630001000000000000000000000000c0000201000000000000000000000000' +
    '000000008b06000000000000000000000000000000000000000000003be37101050008000000000008000f00000000000c00150001000000' +
    '000000000600160052000000',
  udp:
    '840000001400020002000000d23a00080a0700004e23000000000000000000000000ffff0a63000100000000000000000000000000000000' +
    '000000008c06000000000000000000000000000000000000000000003de37101050008000000000005000b000000000008000f0000000000' +
    '0c00150001000000000000000600160010000000',
};

const answer = (protocol: keyof typeof captured) => Buffer.from(captured[protocol], 'hex');
const wanted = new Set([tunnelIp]);

test("the kernel's word for a connection is understood", t => {
  const found = decodeSocket('tcp', wanted, answer('tcp'));
  t.deepEqual(found?.socket, {
    protocol: 'tcp',
    local: {address: tunnelIp, port: 20_002},
    remote: {address: ip('192.0.2.1'), port: 20_001},
    state: 'established',
    uid: 0,
    inode: 24_240_955,
  });
  t.is(found?.family, familyInet);
});

test("the kernel's word for a socket of IPv6 with a mapped address is understood", t => {
  const found = decodeSocket('udp', wanted, answer('udp'));
  t.deepEqual(found?.socket, {
    protocol: 'udp',
    local: {address: tunnelIp, port: 20_003},
    remote: undefined,
    state: 'close',
    uid: 0,
    inode: 24_240_957,
  });
  t.is(found?.family, familyInet6);
});

test('a socket is aborted by the very identity that it was listed with', t => {
  const message = answer('tcp');
  const found = decodeSocket('tcp', wanted, message);
  if (found === undefined) return t.fail();
  const request = Buffer.from(destroySocket(found));
  t.is(request.readUInt16LE(4), messageType.socketDestroy);
  t.deepEqual([...request.subarray(headerLength, headerLength + 2)], [familyInet, 6]);
  const identity = message.subarray(headerLength + 4, headerLength + 52);
  t.deepEqual(request.subarray(headerLength + 8), Buffer.from(identity));

  const other = Buffer.from(destroySocket(found, 0x1234));
  identity.writeUInt16BE(0x1234, 2);
  t.deepEqual(other.subarray(headerLength + 8), Buffer.from(identity));
});

const others: Record<string, (message: Buffer) => Buffer | undefined> = {
  'with another address': message => void message.writeUInt32BE(ip('10.99.0.2'), headerLength + 8),
  'in TIME_WAIT': message => void message.writeUInt8(6, headerLength + 1),
  'of another family': message => void message.writeUInt8(1, headerLength),
  'whose description is cut short': message => message.subarray(0, headerLength + 71),
};

for (const [which, change] of Object.entries(others))
  test(`a socket ${which} is left out`, t => {
    const message = answer('tcp');
    t.is(decodeSocket('tcp', wanted, change(message) ?? message), undefined);
  });

test('an IPv6 address that is none of IPv4 is left out, even with the same last bytes', t => {
  const message = answer('udp');
  message.writeUInt32BE(0x20010db8, headerLength + 8);
  t.is(decodeSocket('udp', wanted, message), undefined);
});

/** Runs a filter as the kernel does (inet_diag_bc_run), on a socket of IPv4. */
function accepts(program: Buffer, address: number): boolean {
  let at = 0;
  while (at < program.length) {
    const [code, yes, no] = [program.readUInt8(at), program.readUInt8(at + 1), program.readUInt16LE(at + 2)];
    const holds = code === 7 && program.readUInt8(at + 4) === 2 && program.readUInt32BE(at + 12) === address;
    at += holds ? yes : no;
  }
  return at === program.length;
}

/** Whether the kernel would take the filter (inet_diag_bc_audit): its "yes" chain covers it, and each "no" lands on it. */
function isSound(program: Buffer): boolean {
  const chain: number[] = [];
  let at = 0;
  for (; at < program.length; at += program.readUInt8(at + 1)) {
    chain.push(at);
    if (program.readUInt8(at + 1) < 4) return false;
  }
  const ends = [program.length, program.length + 4];
  return (
    at === program.length && chain.every(start => [...chain, ...ends].includes(start + program.readUInt16LE(start + 2)))
  );
}

test('the filter lets exactly the sockets through that have one of the addresses', t => {
  const few = fc.integer({min: 1, max: 6}).map(ipv4);
  fc.assert(
    fc.property(fc.uniqueArray(few, {minLength: 1}), few, (addresses, address) => {
      const message = Buffer.from(dumpSockets('tcp', familyInet, addresses));
      const attribute = message.subarray(headerLength + 56);
      t.deepEqual([attribute.readUInt16LE(0), attribute.readUInt16LE(2)], [attribute.length, 1]);
      const program = attribute.subarray(4);
      t.true(isSound(program));
      t.is(accepts(program, address), addresses.includes(address));
    }),
  );
});

test('every state is asked for but TIME_WAIT, and sockets that are only bound', t => {
  const states = Buffer.from(dumpSockets('udp', familyInet6, [tunnelIp])).readUInt32LE(headerLength + 4);
  t.is(states, 0b1_1111_1011_1110);
});
