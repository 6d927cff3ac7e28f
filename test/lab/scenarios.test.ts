// Every scenario of the laboratory as a test of its own, in as few starts of a place as possible.
import test from 'ava';
import type {Place} from '../../lab/place.js';
import type {Report} from '../../lab/report.js';
import {scenarios} from '../../lab/scenarios.js';
import {longest, walk} from '../../lab/walk.js';
import {type Offer, offeredPlace} from './support.js';

type Verdict = Extract<Report, {type: 'verdict'}>;

/** What one scenario reported, and how it ended. */
interface Run {
  readonly steps: readonly string[];
  readonly verdict: Verdict;
}

/** Starts the scenarios in one place and promises the run of each. */
function runAll(place: Place, names: readonly string[]): Map<string, Promise<Run>> {
  const steps: string[] = [];
  const ends = new Map<string, (run: Run) => void>();
  const runs = new Map(names.map(name => [name, new Promise<Run>(resolve => ends.set(name, resolve))]));
  void walk(place, names, report => {
    if (report.type === 'scenario') steps.length = 0;
    if (report.type === 'end') steps.push(`✔ ${report.step}${report.detail ? `: ${report.detail}` : ''}`);
    if (report.type === 'verdict') ends.get(report.scenario)?.({steps: [...steps], verdict: report});
  });
  return runs;
}

const offers = new Map<string, Offer>(
  Object.entries(scenarios).map(([name, scenario]) => [name, offeredPlace(scenario)]),
);

const placed = new Map<Place['name'], {place: Place; names: string[]}>();
for (const [name, offer] of offers) {
  if (!('place' in offer)) continue;
  const {place} = offer;
  const entry = placed.get(place.name) ?? {place, names: []};
  entry.names.push(name);
  placed.set(place.name, entry);
}

const runs = new Map<string, Promise<Run>>();
test.before('start the places', () => {
  for (const {place, names} of placed.values()) {
    for (const [name, run] of runAll(place, names)) runs.set(name, run);
  }
});

for (const [name, offer] of offers) {
  const title = `${name}: ${scenarios[name]?.summary}`;
  if ('reason' in offer) {
    test.skip(`${title} (${offer.reason})`, t => t.fail());
    continue;
  }
  test(title, async t => {
    // Its turn comes after all others of the place.
    t.timeout(longest(offer.place, placed.get(offer.place.name)?.names ?? []));
    const run = await runs.get(name);
    const failure = run?.verdict.failure;
    if (failure) t.log([...(run?.steps ?? []), `✘ ${failure.step}`, failure.text].join('\n'));
    t.is(failure?.step, undefined, 'the step that failed');
  });
}
