// Runs all checks one after the other, however the ones before ended, and sums up their results in the last line.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const currentLts = 'node@26.10.0';

/**
 * `ava`: the output contains a report of AVA's; otherwise the check counts as one test. `minutes`: when something hangs,
 * the check is killed after so many, which leaves the whole under an hour.
 */
const checks = [
  {title: 'npm test', command: ['npm', 'test'], ava: true, minutes: 30},
  {title: 'compatibility of the protos', command: ['npm', 'run', 'breaking'], minutes: 5},
  {title: 'known vulnerabilities', command: ['npm', 'run', 'vulnerabilities'], minutes: 5},
  {
    title: `unit, contract and rpc tests on ${currentLts}`,
    command: [
      ...['npm', 'exec', '--yes', `--package=${currentLts}`, '--', 'node', 'node_modules/ava/entrypoints/cli.mjs'],
      'dist/test/{unit,contract,rpc}/**/*.test.js',
    ],
    ava: true,
    minutes: 12,
  },
  {title: 'image', command: ['npm', 'run', 'image:check'], minutes: 10},
];

/** Whatever the terminal, AVA's report looks the same. */
const {NO_COLOR: _, ...inherited} = process.env;
const env = {...inherited, FORCE_COLOR: '0', TERM: 'dumb'};

/** Runs a command, showing its output; resolves to that and to whether it ended well. */
async function run([program, ...args], minutes) {
  const child = spawn(program, args, {stdio: ['ignore', 'pipe', 'inherit'], env, detached: true});
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

/**
 * Counts the tests of AVA's report: a line for each, and a summary behind all of them. One without the latter was cut off,
 * which is a failure of its own; so is what is none of a test's, say an uncaught exception. Not its TAP reporter: that ends
 * with an exception of its own where an error has a field without a value.
 */
function countAva(output, ok) {
  const count = pattern => Array.from(output.matchAll(pattern)).length;
  const failed = count(/^ {2}✘ \[fail\]/gm);
  const isWhole = /^ {2}\d+ tests? (passed|failed)/m.test(output);
  return {
    passed: count(/^ {2}✔ /gm),
    failed: failed === 0 && !(ok && isWhole) ? 1 : failed,
    skipped: count(/^ {2}- \[(skip|todo)\]/gm),
  };
}

/** What AVA says again at the end, in full, of the tests that failed. */
const failuresIn = output => output.slice(output.search(/^ {2}─$/m));

const countOne = ok => ({passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0});

const total = {passed: 0, failed: 0, skipped: 0};
const summary = [];
const failures = [];
for (const {title, command, ava, minutes} of checks) {
  console.log(`\n=== ${title}: ${command.join(' ')}`);
  const start = performance.now();
  const {output, ok} = await run(command, minutes);
  const count = ava ? countAva(output, ok) : countOne(ok);
  for (const kind of Object.keys(total)) total[kind] += count[kind];
  if (ava && count.failed > 0) failures.push(`${title}:\n${failuresIn(output)}`);
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
