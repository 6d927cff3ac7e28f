import test from 'ava';
import type {Outcome, Place, RunOptions} from '../../lab/place.js';
import {encodeReport, type Report} from '../../lab/report.js';
import {walk} from '../../lab/walk.js';

/** A place where running anything gives these lines and this end. */
const placeThat = (lines: readonly string[], outcome: Outcome): Place => ({
  name: 'imaginary',
  ownsKernel: false,
  abortsSockets: false,
  patience: 1,
  missing: () => undefined,
  async run(_command: readonly string[], {onLine}: RunOptions) {
    for (const line of lines) onLine?.(line);
    return outcome;
  },
});

const line = (report: Report): string => encodeReport(report).trimEnd();

async function verdictsOf(place: Place, names: readonly string[]) {
  const reports: Report[] = [];
  await walk(place, names, report => reports.push(report));
  return reports.filter(report => report.type === 'verdict');
}

test('each scenario has a verdict when the place dies in the middle, with the step it died in', async t => {
  const lines = [
    line({type: 'verdict', scenario: 'first', took: 1}),
    line({type: 'begin', scenario: 'second', step: 'ping'}),
  ];
  const outcome = {status: undefined, messages: 'Kernel panic - not syncing', trouble: 'panicked'};
  const [first, second, third, ...rest] = await verdictsOf(placeThat(lines, outcome), ['first', 'second', 'third']);
  t.deepEqual(rest, []);
  t.is(first?.failure, undefined);
  t.is(second?.failure?.step, 'ping');
  t.regex(second?.failure?.text ?? '', /panicked\nKernel panic/);
  t.is(third?.scenario, 'third');
  t.not(third?.failure, undefined);
});

test('lines that are no reports are passed over', async t => {
  const lines = ['Debugger listening', '{"half":', '17', line({type: 'verdict', scenario: 'only', took: 1})];
  const verdicts = await verdictsOf(placeThat(lines, {status: 0, messages: ''}), ['only']);
  t.deepEqual(verdicts, [{type: 'verdict', scenario: 'only', took: 1}]);
});

test('a scenario without a verdict has failed even where the place ended well', async t => {
  const [verdict] = await verdictsOf(placeThat([], {status: 0, messages: ''}), ['silent']);
  t.regex(verdict?.failure?.text ?? '', /status 0/);
});
