import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout as delay} from 'node:timers/promises';
import {Child, daemonProgram, temporaryFolder} from './child.js';
import type {Part} from './part.js';
import {type Judge, median, row} from './row.js';

const rounds = 10;
const settleMs = 2000;
const megabyte = 1e6;

const under =
  (limit: number, unit: string): Judge =>
  ours => ({text: `under ${limit} ${unit}`, met: ours < limit});

/** Milliseconds from spawn until it is ready. */
async function daemonStart(socket: string): Promise<number> {
  const start = performance.now();
  await using _daemon = await Child.start(daemonProgram, '--netlink=memory', '--socket', socket);
  return performance.now() - start;
}

/** Milliseconds from spawn to exit of a Node that does nothing. */
async function bareStart(): Promise<number> {
  const start = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], {stdio: 'ignore'}), 'exit');
  return performance.now() - start;
}

/** Bytes of a process that has had nothing to do for a while. */
async function idleMemory(...args: string[]): Promise<number> {
  await using child = await Child.start(...args);
  await delay(settleMs);
  return child.residentMemory();
}

/** Start-up and resident memory of the daemon against those of a Node that does nothing. */
export const start: Part = async () => {
  await using folder = await temporaryFolder();
  const socket = folder.socket('daemon');
  const [daemon, bare]: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const times = [await daemonStart(socket), await bareStart()] as const;
    if (round < 0) continue; // files not in the page cache yet
    daemon.push(times[0]);
    bare.push(times[1]);
  }
  const memory = await idleMemory(daemonProgram, '--netlink=memory', '--socket', socket);
  const bareMemory = await idleMemory(
    '-e',
    'setInterval(() => {}, 1e6); console.log("ready"); process.once("SIGTERM", () => process.exit())',
  );
  return [
    row('start until ready, against node -e 0', median(daemon), median(bare), 'ms', under(400, 'ms')),
    row('resident memory idle, against node', memory / megabyte, bareMemory / megabyte, 'MB', under(90, 'MB')),
  ];
};
