// Runs scenarios one after the other: the process inside a place. Names are its arguments, reports its output.
import {readFileSync, writeSync} from 'node:fs';
import {performance} from 'node:perf_hooks';
import {inspect} from 'node:util';
import {Laboratory} from './laboratory.js';
import {patience} from './patience.js';
import {encodeReport, type Failure, type Report} from './report.js';
import type {Scenario} from './scenario.js';
import {scenarios} from './scenarios.js';

const timeoutMs = patience * 240_000;

// Synchronous: user-mode Linux is switched off the moment this process ends, and takes unwritten output with it.
const report = (entry: Report): void => void writeSync(1, encodeReport(entry));

function lastLines(path: string): string {
  try {
    return `\nThe daemon's log ends:\n${readFileSync(path, 'utf8').trimEnd().split('\n').slice(-20).join('\n')}`;
  } catch {
    return '';
  }
}

async function perform(scenario: Scenario, name: string): Promise<Failure | undefined> {
  let step = 'set up';
  let log = '';
  let timer: NodeJS.Timeout | undefined;
  try {
    await using lab = await Laboratory.open(name, entry => {
      if (entry.type === 'begin') step = entry.step;
      report(entry);
    });
    log = lab.logFile;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no end after ${timeoutMs / 1000} s`)), timeoutMs);
    });
    await Promise.race([scenario.run(lab), timeout]);
    return undefined;
  } catch (error) {
    return {step, text: `${error instanceof Error ? error.stack : inspect(error)}${lastLines(log)}`};
  } finally {
    clearTimeout(timer);
  }
}

for (const name of process.argv.slice(2)) {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`no scenario called ${name}`);
  report({type: 'scenario', scenario: name});
  const start = performance.now();
  const failure = await perform(scenario, name);
  if (failure) process.exitCode = 1;
  report({type: 'verdict', scenario: name, took: performance.now() - start, ...(failure && {failure})});
}
// A scenario that timed out may have left something that keeps the process alive.
process.exit();
