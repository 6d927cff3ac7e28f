// A device that floods, in a process of its own: what it takes to do so is not to be taken from the speaker. Arguments:
// its address, and what it does for ever once a session is up. Writes a line when a session is up, every time it has
// sent a million prefixes, and when the session has ended; a line on standard input ends the flood, not the session.
import {createInterface} from 'node:readline';
import {formatPrefix, ipv4} from '../../../../src/ip/ipv4.js';
import {drained, ScriptedPeer} from '../../../unit/bgp/scripted-peer.js';
import {updateMessage} from '../../../unit/bgp/updates.js';
import {ipv4 as address} from './addresses.js';

const [own = '', manner = ''] = process.argv.slice(2);
const nextHop = address(own);
const perMessage = 500;

const some = (first: number) =>
  Array.from({length: perMessage}, (_, index) => formatPrefix({address: ipv4(first + index), length: 32}));

/** A repeating run of messages and how many prefixes it names. */
function* messages(): Generator<Uint8Array> {
  const block = 0x0b000000; // 11.0.0.0
  const twenty = Array.from({length: 20}, (_, index) => some(block + perMessage * index));
  const announcements = [65_002, 65_003].map(as =>
    Buffer.concat(twenty.map(announce => updateMessage({announce, nextHop, path: [65_001, as]}))),
  );
  const withdrawals = Buffer.concat(twenty.map(withdraw => updateMessage({withdraw, nextHop})));
  for (let round = 0; ; round++) {
    if (manner === 'distinct') yield updateMessage({announce: some(block + perMessage * round), nextHop});
    else if (manner === 'flap') yield Buffer.concat([announcements[0] ?? withdrawals, withdrawals]);
    else yield announcements[round % 2] ?? withdrawals;
  }
}

let flooding = true;
createInterface({input: process.stdin}).on('line', () => {
  flooding = false;
});

const peer = await ScriptedPeer.listen(nextHop, 179, {localAs: 65_001, holdTime: 3});
const waiting = peer.call();
console.log('listening');
const call = await (await waiting).establish();
console.log('up');
void call.ended().then(() => console.log('ended'));
for (const message of messages()) {
  if (!flooding || call.socket.destroyed) break;
  if (!call.socket.write(message)) await drained(call);
}
// The last word, whatever came before: ten thousand prefixes, and then one more by which to tell that this was all.
if (!call.socket.destroyed) {
  for (let index = 0; index < 20; index++)
    call.send(updateMessage({announce: some(0x0b000000 + perMessage * index), nextHop}));
  call.send(updateMessage({announce: ['12.0.0.1/32'], nextHop}));
  await drained(call);
}
console.log('done');
