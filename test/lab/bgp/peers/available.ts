import {spawnSync} from 'node:child_process';
import test, {type ExecutionContext} from 'ava';
import {missingPrograms} from '../../../../lab/programs.js';

/** Where skipping would hide that nothing was tested. */
const required = process.env.CI === 'true' || process.env.DOUBLEZEROD_REQUIRE_LAB === '1';

const namespacePrograms = ['setpriv', 'unshare', 'nsenter', 'ip', 'ss'];

function obstacle(programs: readonly string[]): string | undefined {
  const missing = missingPrograms([...namespacePrograms, ...programs]);
  if (missing !== undefined) return missing;
  const {status, stderr} = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true'], {encoding: 'utf8'});
  return status === 0 ? undefined : `no namespaces can be made here: ${stderr.trim()}`;
}

export type Body = (t: ExecutionContext) => Promise<void>;

/**
 * Declares tests that need these programs and namespaces. Without them they are skipped, with the reason in their
 * titles, or fail with it in CI and with DOUBLEZEROD_REQUIRE_LAB=1. One at a time, since a hold time of 3 s allows for
 * no crowd; another file's run beside them.
 */
export function laboratoryTest(programs: readonly string[]): (title: string, body: Body) => void {
  const reason = obstacle(programs);
  if (reason === undefined) return (title, body) => test.serial(title, body);
  if (required) return title => test(title, t => t.fail(reason));
  return title => test.skip(`${title} (${reason})`, t => t.fail());
}
