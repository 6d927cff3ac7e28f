// npm run soak -- [--seed N] [--minutes M]: works a daemon at random and finds nothing left of it.
import {randomInt} from 'node:crypto';
import {parseArgs} from 'node:util';
import {missingPrograms} from '../programs.js';
import {soakPrograms} from './device.js';
import {soak} from './soak.js';

function number(flag: string, text: string, form: RegExp): number {
  if (!form.test(text)) throw new Error(`--${flag} must be a number, not '${text}'`);
  return Number(text);
}

const {values} = parseArgs({
  options: {seed: {type: 'string'}, minutes: {type: 'string', default: '2'}},
});
const seed = values.seed === undefined ? randomInt(2 ** 31) : number('seed', values.seed, /^\d{1,10}$/);
const minutes = number('minutes', values.minutes, /^\d+(\.\d+)?$/);
const lack = missingPrograms(soakPrograms);
if (lack) throw new Error(lack);

// Once: the second time it ends at once, and leaves its namespaces.
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)));

console.log(`seed ${seed}, ${minutes} minutes`);
try {
  const {growth, counts, samples, ...summary} = await soak({
    seed,
    minutes,
    signal: stop.signal,
    say: line => console.log(line),
  });
  console.log(JSON.stringify({...summary, counts}, undefined, 2));
  const memory = samples.map(({memory}) => (memory / 1e6).toFixed(2)).join(' ');
  console.log(`MB in use, each time that nothing was left: ${memory}; ${growth.toFixed(0)} bytes more a step`);
  console.log(`seed ${seed} passed: nothing is left`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
