// Runs all checks one after the other, however the ones before ended, and sums up their results in the last line.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const currentLts = 'node@26.10.0';

/**
 * `tap`: the output contains a report of AVA's; otherwise the check counts as one test. `minutes`: when something hangs,
 * the check is killed after so many, which leaves the whole under an hour.
 */
const checks = [
  {title: 'npm test', command: ['npm', 'test', '--', '--tap'], tap: true, minutes: 25},
  {title: 'compatibility of the protos', command: ['npm', 'run', 'breaking'], minutes: 5},
  {title: 'known vulnerabilities', command: ['npm', 'run', 'vulnerabilities'], minutes: 5},
  {
    title: `unit, contract and rpc tests on ${currentLts}`,
    command: [
      ...['npm', 'exec', '--yes', `--package=${currentLts}`, '--', 'node', 'node_modules/ava/entrypoints/cli.mjs'],
      ...['--tap', 'dist/test/{unit,contract,rpc}/**/*.test.js'],
    ],
    tap: true,
    minutes: 10,
  },
  {title: 'image', command: ['npm', 'run', 'image:check'], minutes: 15},
];

/** Runs a command, showing its output; resolves to that and to whether it ended well. */
async function run([program, ...args], minutes) {
  const child = spawn(program, args, {stdio: ['ignore', 'pipe', 'inherit'], detached: true});
  let output = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text;
    process.stdout.write(text);
  });
  const timer = setTimeout(() => {
    console.log(`\nkilled after ${minutes} minutes`);
    // A process outside of the group may hold the pipe open, and the end of the pipe is waited for.
    child.stdout.destroy();
    // The whole group: npm passes no SIGKILL on.
    if (child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  }, minutes * 60_000);
  const [status] = await once(child, 'close');
  clearTimeout(timer);
  return {output, ok: status === 0};
}

/** The test points that failed, each with its diagnostics. */
function failuresIn(output) {
  const points = output.split(/^(?=(?:not )?ok \d)/m);
  return points.filter(point => point.startsWith('not ok') && !/^.*# (SKIP|TODO)/.test(point));
}

/** Counts the test points of a TAP report. A report without a plan was cut off, which is a failure of its own. */
function countTap(output, ok) {
  const points = output.split('\n').filter(line => /^(not )?ok \d+/.test(line));
  const skipped = points.filter(line => /# (SKIP|TODO)/.test(line)).length;
  const notOk = points.filter(line => line.startsWith('not ok') && !/# (SKIP|TODO)/.test(line)).length;
  const complete = /^1\.\.[1-9]\d*$/m.test(output);
  const failed = notOk === 0 && !(ok && complete) ? 1 : notOk;
  return {passed: points.length - skipped - notOk, failed, skipped};
}

const countOne = ok => ({passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0});

const total = {passed: 0, failed: 0, skipped: 0};
const summary = [];
const failures = [];
for (const {title, command, tap, minutes} of checks) {
  console.log(`\n=== ${title}: ${command.join(' ')}`);
  const start = performance.now();
  const {output, ok} = await run(command, minutes);
  const count = tap ? countTap(output, ok) : countOne(ok);
  for (const kind of Object.keys(total)) total[kind] += count[kind];
  if (tap) failures.push(...failuresIn(output).map(failure => `${title}: ${failure.trimEnd()}`));
  const seconds = Math.round((performance.now() - start) / 1000);
  summary.push(
    `${count.failed === 0 ? '✔' : '✘'} ${title}: ${count.passed} passed, ${count.failed} failed (${seconds} s)`,
  );
}

// Once more at the end, where whoever reads only that will find them.
if (failures.length > 0) console.log(`\n=== failures\n${failures.join('\n')}`);
console.log(`\n${summary.join('\n')}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
// What a machine cannot run says so by failing; a skip in CI is a hole that nobody would notice.
process.exitCode = total.failed === 0 && total.skipped === 0 ? 0 : 1;
