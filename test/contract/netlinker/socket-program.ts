/**
 * A program with sockets: opens those of the plan in its second argument, in order, under the name in its first. Says
 * `ready`, and then a line for whatever happens to a socket, by its place in the plan. `write 2` on standard input makes
 * it send something through the socket in that place.
 */
import {createSocket} from 'node:dgram';
import {type EventEmitter, once} from 'node:events';
import {connect, createServer, type Socket} from 'node:net';
import {createInterface} from 'node:readline';
import type {SocketPlan} from './socket-plan.js';

const [, , name = '', planText = ''] = process.argv;
const plan: readonly SocketPlan[] = JSON.parse(planText);

const say = (...words: unknown[]) => void process.stdout.write(`${words.join(' ')}\n`);

function endpoint(text: string) {
  const colon = text.lastIndexOf(':');
  return {address: text.slice(0, colon), port: Number(text.slice(colon + 1))};
}

/** `input` is the event of something received. */
function report(place: string, socket: EventEmitter, input: 'data' | 'message'): void {
  socket.on('error', (error: NodeJS.ErrnoException) => say(place, error.code));
  socket.on(input, () => say(place, 'data'));
}

async function listen(place: number, at: string): Promise<() => void> {
  const {address: host, port} = endpoint(at);
  const accepted: Socket[] = [];
  const server = createServer(socket => {
    report(`${place} accepted`, socket, 'data');
    accepted.push(socket);
    socket.write('hello');
  });
  server.listen({host, port});
  await once(server, 'listening');
  return () => {
    for (const socket of accepted) socket.write('x');
  };
}

async function converse(place: number, at: string, to: string): Promise<() => void> {
  const [local, remote] = [endpoint(at), endpoint(to)];
  const socket = connect({
    host: remote.address,
    port: remote.port,
    localAddress: local.address,
    localPort: local.port,
  });
  await once(socket, 'data'); // so it is accepted
  report(`${place}`, socket, 'data');
  return () => socket.write('x');
}

async function exchange(place: number, at: string, to: string | undefined): Promise<() => void> {
  const {address, port} = endpoint(at);
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  report(`${place}`, socket, 'message');
  const failed = (error: NodeJS.ErrnoException | null) => error && say(place, error.code);
  if (to === undefined) return () => socket.send('x', port, address, failed);
  const remote = endpoint(to);
  socket.connect(remote.port, remote.address);
  await once(socket, 'connect');
  return () => socket.send('x', failed);
}

process.title = name;
const writers: (() => void)[] = [];
for (const [place, socket] of plan.entries())
  switch (socket.kind) {
    case 'tcp-listener':
      writers.push(await listen(place, socket.at));
      break;
    case 'tcp-connection':
      writers.push(await converse(place, socket.at, socket.to));
      break;
    case 'udp':
      writers.push(await exchange(place, socket.at, socket.to));
  }
say('ready');
createInterface({input: process.stdin})
  .on('line', line => writers[Number(line.split(' ')[1])]?.())
  .on('close', () => process.exit()); // whoever started it has gone
