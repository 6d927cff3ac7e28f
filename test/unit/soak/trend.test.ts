import test from 'ava';
import {Random} from '../../../lab/soak/random.js';
import {allowance, fewestSamples, memoryFault, type Sample, slope, tolerance} from '../../../lab/soak/trend.js';

const megabyte = 1e6;

/** Samples as a run has them: a collector that leaves something between nothing and half a megabyte each time. */
function samples(count: number, extra: (step: number) => number, noise = megabyte / 2): Sample[] {
  const random = new Random(7);
  return Array.from({length: count}, (_, index) => {
    const steps = index * 20;
    return {steps, memory: 40 * megabyte + extra(steps) + random.next() * noise};
  });
}

test('memory that only wavers is no leak', t => {
  for (const count of [fewestSamples, 30, 200]) t.is(memoryFault(samples(count, () => 0)), undefined);
});

test('an artificial leak of a few kilobytes a step is found, in the shortest run too', t => {
  for (const count of [fewestSamples, 30, 200]) {
    t.regex(memoryFault(samples(count, step => step * 20_000)) ?? '', /^memory grows by \d{5} bytes a step/);
  }
});

test('a slow leak is found by a longer run', t => {
  t.regex(memoryFault(samples(500, step => step * 2 * tolerance)) ?? '', /^memory grows by/);
});

test('what is made once, in the beginning, is no leak', t => {
  t.is(memoryFault(samples(30, step => (step > 100 ? 20 * megabyte : 0))), undefined);
});

test('what comes late and once is allowed up to a bound', t => {
  t.is(memoryFault(samples(60, step => Math.min(step, 900) * (allowance / 1500))), undefined);
  t.regex(memoryFault(samples(60, step => Math.min(step, 900) * (allowance / 150))) ?? '', /^memory grows by/);
});

test('single wild samples neither make a leak nor hide one', t => {
  const wild = (leak: number) =>
    samples(30, step => step * leak + (step % 120 === 100 ? 30 * megabyte * (step > 300 ? 1 : -1) : 0));
  t.is(memoryFault(wild(0)), undefined);
  t.regex(memoryFault(wild(9000)) ?? '', /^memory grows by/);
});

test('too few samples are not judged but refused', t => {
  t.regex(memoryFault(samples(fewestSamples - 1, () => 0)) ?? '', /too few/);
  t.regex(memoryFault([]) ?? '', /too few/);
});

test('the slope is in bytes a step, however the steps are spread', t => {
  const line = [0, 3, 4, 50, 51, 400].map(steps => ({steps, memory: megabyte + steps * 123}));
  t.is(Math.round(slope(line)), 123);
});
