// npm run lab -- [SCENARIO…]: runs scenarios of the laboratory and prints each step as it is done.
import {parseArgs} from 'node:util';
import {findPlace, type Needs, places, unmet} from './places.js';
import type {Report} from './report.js';
import {scenarios} from './scenarios.js';
import {walk} from './walk.js';

const usage = `usage: npm run lab -- [--list] [--place NAME] [SCENARIO…]

Without a scenario: ibrl. The place is ${places.map(({name}) => name).join(', ')}: the first that will do, if not given.`;

class UsageError extends Error {}

function parseArguments() {
  try {
    const options = {list: {type: 'boolean'}, place: {type: 'string'}, help: {type: 'boolean'}} as const;
    const {values, positionals} = parseArgs({options, allowPositionals: true});
    const unknown = positionals.find(name => !Object.hasOwn(scenarios, name));
    if (unknown !== undefined) throw new UsageError(`no scenario called ${unknown}: --list shows them`);
    return {...values, names: positionals.length > 0 ? positionals : ['ibrl']};
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function choosePlace(name: string | undefined, names: readonly string[]) {
  const needs: Needs = {
    needsOwnKernel: names.some(scenario => scenarios[scenario]?.needsOwnKernel),
    needsSocketAbort: names.some(scenario => scenarios[scenario]?.needsSocketAbort),
    programs: names.flatMap(scenario => scenarios[scenario]?.programs ?? []),
  };
  if (name === undefined) return findPlace(needs);
  const place = places.find(candidate => candidate.name === name);
  if (!place) throw new UsageError(`no place called ${name}`);
  const lack = unmet(place, needs) ?? place.missing();
  if (lack) throw new Error(`${name}: ${lack}`);
  return place;
}

const duration = (took: number): string =>
  took < 10_000 ? `${took.toFixed(took < 10 ? 1 : 0)} ms` : `${(took / 1000).toFixed(1)} s`;

function print(report: Report): void {
  if (report.type === 'scenario') console.log(`\n${report.scenario}: ${scenarios[report.scenario]?.summary}`);
  if (report.type === 'end') {
    const line = `  ✔ ${duration(report.took).padStart(8)}  ${report.step}`;
    console.log(report.detail === undefined ? line : `${line}: ${report.detail}`);
  }
  if (report.type === 'verdict') {
    const {failure, took, scenario} = report;
    if (failure) console.log(`  ✘ ${failure.step}\n${failure.text.replaceAll(/^/gm, '    ')}`);
    console.log(`${scenario} ${failure ? 'FAILED' : 'passed'} in ${duration(took)}`);
  }
}

async function main(): Promise<boolean> {
  const {list, help, place: placeName, names} = parseArguments();
  if (help) {
    console.log(usage);
    return true;
  }
  if (list) {
    for (const [name, {summary}] of Object.entries(scenarios)) console.log(`${name.padEnd(24)}${summary}`);
    return true;
  }
  const place = choosePlace(placeName, names);
  console.log(`place: ${place.name}`);
  let failed = 0;
  const kept = await walk(place, names, report => {
    if (report.type === 'verdict' && report.failure) failed += 1;
    print(report);
  });
  if (kept) console.log(`Logs are kept in ${kept}`);
  return failed === 0;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
