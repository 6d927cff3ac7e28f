import test from 'ava';
import fc from 'fast-check';
import {CallRate} from '../../../src/access/call-rate.js';

/** A clock that goes only when told. */
function clockAt(start: number) {
  let time = start;
  return {
    now: () => time,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}

const rateOf = (perMinute: number, identities?: number) => {
  const clock = clockAt(12_345.678);
  const rate = new CallRate({perMinute, now: clock.now, ...(identities === undefined ? {} : {identities})});
  return {clock, rate};
};

for (const perMinute of [1, 3, 7, 600, 1_000_000]) {
  test(`${perMinute} a minute are so many at once, and then one each ${60_000 / perMinute} ms`, t => {
    const {clock, rate} = rateOf(perMinute);
    for (let call = 0; call < perMinute; call++) {
      if (rate.take('a') !== undefined) t.fail(`call ${call} was refused`);
    }
    const interval = 60_000 / perMinute;
    t.is(rate.take('a'), Math.ceil(interval));
    clock.pass(interval / 2);
    t.is(rate.take('a'), Math.ceil(interval / 2));
    clock.pass(interval / 2);
    t.is(rate.take('a'), undefined);
    t.not(rate.take('a'), undefined);
  });
}

test('who comes again when told to is let in', t => {
  fc.assert(
    fc.property(fc.integer({min: 1, max: 1000}), fc.integer({min: 0, max: 59_999}), (perMinute, pause) => {
      const {clock, rate} = rateOf(perMinute);
      let wait = rate.take('a');
      while (wait === undefined) {
        clock.pass(pause / perMinute / 2);
        wait = rate.take('a');
      }
      clock.pass(wait);
      return rate.take('a') === undefined;
    }),
  );
  t.pass();
});

test('a refused call does not put the next one off', t => {
  const {clock, rate} = rateOf(2);
  rate.take('a');
  rate.take('a');
  for (let call = 0; call < 100; call++) t.is(rate.take('a'), 30_000);
  clock.pass(30_000);
  t.is(rate.take('a'), undefined);
});

test('no more than so many and a minute’s worth are let in within any minute', t => {
  const {clock, rate} = rateOf(60);
  let letIn = 0;
  for (let step = 0; step < 60_000; step += 10) {
    if (rate.take('a') === undefined) letIn += 1;
    clock.pass(10);
  }
  t.is(letIn, 60 + 59);
});

test('after a minute’s rest all is as at first', t => {
  const {clock, rate} = rateOf(3);
  for (const _ of [1, 2, 3]) t.is(rate.take('a'), undefined);
  clock.pass(60_000);
  for (const _ of [1, 2, 3]) t.is(rate.take('a'), undefined);
  t.not(rate.take('a'), undefined);
});

test('identities do not count for each other', t => {
  const {rate} = rateOf(1);
  t.is(rate.take('a'), undefined);
  t.is(rate.take('b'), undefined);
  t.not(rate.take('a'), undefined);
});

test('a million identities are not all remembered', t => {
  const {rate} = rateOf(10, 100);
  let largest = 0;
  for (let identity = 0; identity < 1_000_000; identity++) {
    rate.take(`cn:${identity}`);
    largest = Math.max(largest, rate.size);
  }
  t.is(largest, 100);
});

test('who keeps calling is not forgotten for the sake of newcomers', t => {
  const {rate} = rateOf(1, 100);
  t.is(rate.take('persistent'), undefined);
  for (let identity = 0; identity < 10_000; identity++) {
    rate.take(`cn:${identity}`);
    if (rate.take('persistent') === undefined) t.fail('let in again');
  }
  t.pass();
});

test('nothing is kept of who has rested for a minute', t => {
  const {clock, rate} = rateOf(10);
  for (let identity = 0; identity < 1000; identity++) rate.take(`cn:${identity}`);
  t.is(rate.size, 1000);
  clock.pass(60_000);
  rate.take('a');
  t.is(rate.size, 1);
});
