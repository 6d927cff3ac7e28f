import test from 'ava';
import {describe, drawRound} from '../../../lab/soak/actions.js';
import {randomOf} from '../../../lab/soak/random.js';

const texts = (seed: number, rounds: number): string[] =>
  Array.from({length: rounds}, (_, round) => drawRound(seed, round).map(describe)).flat();

test('the same seed draws the same actions', t => {
  t.deepEqual(texts(5, 100), texts(5, 100));
  t.deepEqual(drawRound(5, 3), drawRound(5, 3));
});

test('another seed and another round draw others', t => {
  t.notDeepEqual(texts(5, 10), texts(6, 10));
  const rounds = Array.from({length: 200}, (_, round) => drawRound(5, round).map(describe).join());
  t.is(new Set(rounds).size, rounds.length);
});

test('a round does not depend on whether those before it were drawn', t => {
  const all = texts(9, 31).slice(-drawRound(9, 30).length);
  t.deepEqual(drawRound(9, 30).map(describe), all);
});

test('the numbers of a seed are the same on every machine', t => {
  t.deepEqual(
    Array.from({length: 3}, (_, index) => Math.floor(randomOf(1, index).next() * 1e6)),
    [933354, 55312, 820373],
  );
});

test('every kind of action is drawn within a short run, every service and every damage', t => {
  const text = texts(1, 60).join('\n');
  const kinds = ['provision', 'update', 'remove', 'at once', 'cancelled', 'somebody else', 'restart the session'];
  const services = ['IBRL to', 'IBRL_WITH_ALLOCATED_IP', 'EDGE_FILTERING', 'MULTICAST'];
  const others = ['announce', 'kill the device', 'freeze', 'watcher comes', 'vanishes', 'stalls', 'reconnects'];
  for (const wanted of [...kinds, ...services, ...others, 'delete the interface', 'etag wrong', 'etag current']) {
    t.true(text.includes(wanted), wanted);
  }
  t.regex(text, /\[\w+ #\d EPERM\]/);
});
