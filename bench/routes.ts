import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {formatRows, type Row} from './row.js';

/** What `routes-inside.ts` found. */
export interface RoutesReport {
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}

/**
 * Routes added and deleted through the `Netlinker`, against `ip -batch`, in a network namespace that is gone afterwards;
 * and the check that each of a few refused routes among many is reported. `note` is given what else there is to say.
 * Needs root. Rejects where a route is not where it should be.
 */
export async function benchRoutes(note: (line: string) => void = console.log): Promise<Row[]> {
  const program = fileURLToPath(new URL('routes-inside.js', import.meta.url));
  const {stdout} = await promisify(execFile)('unshare', ['--net', process.execPath, program]);
  const {notes, rows} = JSON.parse(stdout) as RoutesReport;
  for (const line of notes) note(line);
  return [...rows];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(formatRows(await benchRoutes()));
