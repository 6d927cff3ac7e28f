import {closeSync, openSync} from 'node:fs';
import test from 'ava';
import {ResourceCounter, surplus} from '../../../lab/soak/resources.js';

test('files, and timers that keep nothing going, are seen for as long as they are there', async t => {
  const counter = new ResourceCounter();
  // Of this process, in which others open and end things meanwhile.
  const timers = async () => (await counter.measure()).alive.Timeout ?? 0;
  const zeros = async () => (await counter.measure()).files['/dev/zero'] ?? 0;
  const before = await timers();
  const file = openSync('/dev/zero', 'r');
  const started = Array.from({length: 1000}, () => setInterval(() => undefined, 1e6).unref());
  t.is(await zeros(), 1);
  t.true((await timers()) >= before + 900);
  closeSync(file);
  for (const timer of started) clearInterval(timer);
  t.is(await zeros(), 0);
  t.true((await timers()) < before + 900);
});

test('only what there is more of than at the start is a surplus', t => {
  const start = {files: {socket: 3}, active: {Timeout: 1}, alive: {Timeout: 2, HTTP2SESSION: 1}, memory: 0};
  t.deepEqual(surplus({...start, memory: 1e9}, start), []);
  t.deepEqual(surplus({...start, files: {socket: 2}}, start), []);
  const now = {...start, files: {socket: 4, pipe: 1}, alive: {Timeout: 3}};
  t.deepEqual(surplus(now, start), [
    'files socket: 4, at the start 3',
    'files pipe: 1, at the start 0',
    'alive Timeout: 3, at the start 2',
  ]);
});
