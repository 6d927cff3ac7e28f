// The places themselves, each that this machine can offer: nothing comes out wrong, nothing stays behind.
import {existsSync} from 'node:fs';
import {readdir, readFile, rm} from 'node:fs/promises';
import test from 'ava';
import type {Place} from '../../lab/place.js';
import {places} from '../../lab/places.js';

const offered = places.filter(place => place.missing() === undefined);
if (offered.length === 0) test.skip('no place to run in on this machine', t => t.fail());

/** Runs a shell script and resolves to its lines and outcome. */
async function run(place: Place, script: string, timeoutMs = place.patience * 60_000) {
  const lines: string[] = [];
  const outcome = await place.run(['sh', '-c', script], {timeoutMs, onLine: line => lines.push(line)});
  return {lines, outcome};
}

/** Processes that have the text in their command line. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name) && name !== `${process.pid}`);
  const commands = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return commands.filter(command => command.includes(text));
}

// Serial: each test boots a kernel, and a machine has few processors.
for (const place of offered) {
  test.serial(
    `${place.name}: a program has GRE, an empty /run and a folder to write to, which is gone afterwards`,
    async t => {
      t.timeout(place.patience * 60_000);
      const script = `
      ip link add lab type gre local 192.0.2.1 remote 192.0.2.2 && ip -o link show lab
      ls /run/netns; echo "$LAB_FOLDER"; echo text >"$LAB_FOLDER/file" && cat "$LAB_FOLDER/file"`;
      const {lines, outcome} = await run(place, script);
      t.is(outcome.status, 0, outcome.messages);
      const [link, folder = '', text] = lines;
      t.regex(link ?? '', /lab@NONE/);
      t.is(text, 'text');
      t.true(folder.includes('doublezerod-lab-'));
      t.false(existsSync(folder));
    },
  );

  test.serial(`${place.name}: output comes through whole and in order`, async t => {
    t.timeout(place.patience * 60_000);
    const {lines} = await run(place, 'seq -f "%06g and some text to make it long" 20000');
    t.is(lines.length, 20_000);
    t.is(lines.at(-1), '020000 and some text to make it long');
  });

  test.serial(`${place.name}: a failing program's status and messages come out, and its folder is kept`, async t => {
    t.timeout(place.patience * 60_000);
    const {outcome} = await run(place, 'echo why >&2; exit 3');
    t.is(outcome.status, 3);
    t.regex(outcome.messages, /why/);
    t.true(existsSync(outcome.kept ?? ''));
    await rm(outcome.kept ?? '', {recursive: true});
  });

  test.serial(`${place.name}: one that hangs is killed in time with everything in it`, async t => {
    const {outcome} = await run(place, 'sleep 1234 & sleep 1234', 6000);
    t.is(outcome.status, undefined);
    t.is(outcome.trouble, 'killed after 6 s');
    const deadline = Date.now() + 5000;
    let left: string[];
    do left = await processesWith(outcome.kept ?? 'nothing was kept');
    while (left.length > 0 && Date.now() < deadline);
    t.deepEqual(left, []);
    await rm(outcome.kept ?? '', {recursive: true});
  });

  if (!place.ownsKernel) continue;
  test.serial(`${place.name}: a kernel that panics is told as such`, async t => {
    t.timeout(place.patience * 60_000);
    const {outcome} = await run(place, 'echo c >/proc/sysrq-trigger');
    t.is(outcome.status, undefined);
    t.regex(outcome.trouble ?? '', /Kernel panic/);
    await rm(outcome.kept ?? '', {recursive: true});
  });
}
