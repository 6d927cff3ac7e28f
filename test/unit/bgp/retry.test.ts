import test from 'ava';
import fc from 'fast-check';
import {connectRetryDelay, countFailure, jittered} from '../../../src/bgp/retry.js';

test('the first attempts follow within about a second, later ones ever slower, up to 30 s', t => {
  const delays = Array.from({length: 12}, (_, attempts) => connectRetryDelay(attempts, 1));
  t.deepEqual(
    delays,
    [1, 1, 1, 1, 2, 4, 8, 16, 30, 30, 30, 30].map(seconds => seconds * 1000),
  );
});

test('any delay is between three quarters and the whole of its time, however many attempts there were', t => {
  fc.assert(
    fc.property(fc.nat(), fc.double({min: 0, max: 1, noNaN: true}), (attempts, random) => {
      const delay = connectRetryDelay(attempts, random);
      t.true(delay >= connectRetryDelay(attempts, 0) && delay <= 30_000 && delay >= 750);
    }),
  );
});

test('jitter takes off a quarter at most', t => {
  t.is(jittered(1000, 0), 750);
  t.is(jittered(1000, 0.5), 875);
});

test('a session that stood makes the next attempt a first one', t => {
  t.is(countFailure(7, 30_000), 1);
});

test('one that was lost at once, or never stood, counts on', t => {
  t.is(countFailure(7, 29_999), 8);
  t.is(countFailure(0, 0), 1);
});
