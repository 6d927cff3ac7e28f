import test from 'ava';
import {overriding} from '../../../lab/overriding.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import type {HostSocket} from '../../../src/netlink/host-socket.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {abortSockets} from '../../../src/services/socket-steps.js';

const address = ipv4(0x0a630001);
const device = {name: 'doublezero0', local: ipv4(1), remote: ipv4(2), ttl: 64, mtu: 1476};
const socket = (port: number, uid: number, inode: number): HostSocket => ({
  protocol: 'tcp',
  local: {address, port},
  state: 'listen',
  uid,
  inode,
});

/** What the report says of these sockets where only the holders of the first `seen` can be seen. */
async function report(sockets: readonly HostSocket[], seen: number): Promise<string | undefined> {
  const netlinker = overriding(new MemoryNetlinker(), {
    addressOwners: async () => [device.name],
    sockets: async () => [...sockets],
    socketHolders: async asked =>
      asked.slice(0, seen).map((held, index) => ({pid: 100 + index, command: 'validator', sockets: [held]})),
  });
  let text: string | undefined;
  const {run} = abortSockets('abort_sockets', {netlinker, mode: 'report', device, addresses: [address]});
  await run(note => {
    text = note;
  });
  return text;
}

test('of programs that cannot be seen the report says whose they are', async t => {
  const sockets = [socket(1, 0, 1), socket(2, 1000, 2), socket(3, 1001, 3), socket(4, 1000, 4), socket(5, 0, 0)];
  t.is(
    await report(sockets, 1),
    'left alone: validator (100): tcp 10.99.0.1:1 listen, ' +
      'a program of uid 1000 that cannot be seen: tcp 10.99.0.1:2 listen, tcp 10.99.0.1:4 listen, ' +
      'a program of uid 1001 that cannot be seen: tcp 10.99.0.1:3 listen, no program: tcp 10.99.0.1:5 listen',
  );
});

test('where there is none it says so', async t => {
  t.is(await report([], 0), 'no program holds a socket on the addresses that vanish');
});
