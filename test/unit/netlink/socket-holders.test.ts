import {spawn} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import test from 'ava';
import {ipv4} from '../../../src/ip/ipv4.js';
import type {HostSocket} from '../../../src/netlink/host-socket.js';
import {ownSocketInodes, socketInode} from '../../../src/netlink/kernel/own-sockets.js';
import {findSocketHolders} from '../../../src/netlink/kernel/socket-holders.js';

// These only look at processes, and need no privilege to look at their own.

/** On a busy machine a look through all processes takes long. */
const patient = {total: 60_000};

const described = (inode: number): HostSocket => ({
  protocol: 'udp',
  local: {address: ipv4(0x7f000001), port: 9},
  state: 'close',
  uid: 0,
  inode,
});

/** A socket of this process, and the inode that is new since it is there. */
async function ownSocket() {
  const before = await ownSocketInodes();
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const [inode = 0] = [...(await ownSocketInodes())].filter(found => !before.has(found));
  return {inode, close: () => void socket.close()};
}

test.serial('own sockets are known by their inodes for as long as they are open', async t => {
  const before = await ownSocketInodes();
  const {inode, close} = await ownSocket();
  t.true(inode > 0);
  t.false(before.has(inode));
  t.true((await ownSocketInodes()).has(inode));
  close();
  t.false((await ownSocketInodes()).has(inode));
});

test.serial('a holder is named once for all its sockets, and only those asked for', async t => {
  const sockets = [await ownSocket(), await ownSocket(), await ownSocket()];
  t.teardown(() => {
    for (const {close} of sockets) close();
  });
  const asked = sockets.slice(0, 2).map(({inode}) => described(inode));
  const holders = await findSocketHolders([...asked, described(0)], patient);
  t.is(holders.length, 1);
  t.is(holders[0]?.pid, process.pid);
  // In the order of the descriptors' names, which is none of numbers.
  const inOrder = (found: typeof asked) => [...found].sort((a, b) => a.inode - b.inode);
  t.deepEqual(inOrder([...(holders[0]?.sockets ?? [])]), inOrder(asked));
});

test.serial('processes that come and go meanwhile do no harm', async t => {
  const {inode, close} = await ownSocket();
  t.teardown(close);
  let going = true;
  t.teardown(() => {
    going = false;
  });
  const churn = (async () => {
    while (going) await once(spawn('true'), 'exit');
  })();
  for (let round = 0; round < 20; round++)
    t.deepEqual(
      (await findSocketHolders([described(inode)], patient)).map(({pid}) => pid),
      [process.pid],
    );
  going = false;
  await churn;
});

test('a search that may take no time ends with what it has', async t => {
  t.deepEqual(await findSocketHolders([described(1)], {total: 0, slice: 0}), []);
});

test('others get their turn while processes are looked through', async t => {
  let turns = 0;
  let running = true;
  const count = () => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  await findSocketHolders([described(1)], {slice: 0});
  running = false;
  t.true(turns > 10);
});

test('only links to sockets have an inode', t => {
  t.is(socketInode('socket:[4711]'), 4711);
  for (const link of ['pipe:[4711]', '/dev/null', 'anon_inode:[eventpoll]', '']) t.is(socketInode(link), undefined);
});
