import assert from 'node:assert/strict';
import {counted} from './teardown-table.js';
import type {Trial} from './teardown-trial.js';

/** What a program hears that waits on a socket when that is aborted. */
const aborted = {
  'udp-reader': ['ECONNABORTED'],
  'tcp-reader': ['ECONNABORTED'],
  'epoll-loop-TCP': ['EPOLLERR+EPOLLHUP ECONNABORTED'],
  'epoll-loop-UDP': ['EPOLLERR ECONNABORTED'],
  listener: ['EINVAL'],
} as const;

const waiting = Object.keys(aborted);
const texts = (trial: Trial, program: string): string[] => (trial.heard.get(program) ?? []).map(({what}) => what);
const waited = (trial: Trial) => Object.fromEntries(waiting.map(program => [program, texts(trial, program)]));

/** Every program is told, before the interface is gone; the peers get their resets through the tunnel; nothing leaks. */
export function expectHeard(trial: Trial): string {
  assert.deepEqual(waited(trial), aborted);
  assert.equal(texts(trial, 'udp-sender').at(-1), 'ENETUNREACH');
  const times = waiting.flatMap(program => trial.heard.get(program) ?? []).map(({time}) => time);
  const last = Math.max(...times);
  assert(last < trial.deletedAt, `told after ${last} ms, and deleted after ${trial.deletedAt} ms`);
  assert.deepEqual(
    trial.peer.map(({what}) => what),
    ['ECONNRESET', 'ECONNRESET'],
  );
  assert.equal(trial.resets.length, trial.peer.length, 'resets that came through the tunnel');
  assert.equal(counted(trial.leaked), '0');
  return `all told within ${last.toFixed(0)} ms, nothing leaked`;
}

/** Nobody who waits is told anything, which is what the teardown is for. */
export function expectUnheard(trial: Trial): string {
  assert.deepEqual(waited(trial), Object.fromEntries(waiting.map(program => [program, []])));
  assert.deepEqual(trial.peer, []);
  return 'nobody who waits is told';
}

/** The judge of leaks sees one where there is one. */
export function expectLeak(trial: Trial): string {
  assert(trial.leaked.length > 0, 'nothing leaked');
  return `leaked: ${counted(trial.leaked)}`;
}
