import {join} from 'node:path';
import {type Outcome, type Place, projectFolder} from './place.js';
import {decodeReport, type Failure, type Report} from './report.js';

const inside = join(projectFolder, 'dist/lab/inside.js');

/** The end of the place's messages, for a failure that nobody inside could report. */
const tail = (messages: string): string => messages.trimEnd().split('\n').slice(-20).join('\n');

function unreported(outcome: Outcome, lastStep: string): Failure {
  const text = `the place ${outcome.trouble ?? `ended with status ${outcome.status}`}\n${tail(outcome.messages)}`;
  return {step: lastStep, text};
}

/** Milliseconds. Each scenario has a time limit of its own inside; this one is for a place that hangs. */
export const longest = ({patience}: Place, names: readonly string[]): number =>
  patience * (60_000 + names.length * 250_000);

/**
 * Runs the scenarios one after the other in one start of the place, telling as it goes. Whatever happens, there is a
 * verdict for each of them. Resolves to the folder that was kept where one failed.
 */
export async function walk(
  place: Place,
  names: readonly string[],
  tell: (report: Report) => void,
): Promise<string | undefined> {
  const judged = new Set<string>();
  let lastStep = `start ${place.name}`;
  const outcome = await place.run([process.execPath, '--enable-source-maps', inside, ...names], {
    timeoutMs: longest(place, names),
    env: {LAB_PATIENCE: `${place.patience}`},
    onLine(line) {
      const report = decodeReport(line);
      if (!report) return;
      if (report.type === 'begin') lastStep = report.step;
      if (report.type === 'verdict') judged.add(report.scenario);
      tell(report);
    },
  });
  for (const scenario of names.filter(name => !judged.has(name))) {
    tell({type: 'verdict', scenario, took: 0, failure: unreported(outcome, lastStep)});
  }
  return outcome.kept;
}
