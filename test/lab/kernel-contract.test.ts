// The contract of the Netlinker on a kernel with GRE, which the machine itself may lack: AVA is started in a place.
import {join} from 'node:path';
import test from 'ava';
import {projectFolder} from '../../lab/place.js';
import {offeredPlace} from './support.js';

const title = 'the kernel Netlinker keeps its contract on a kernel with GRE';
const ava = join(projectFolder, 'node_modules/ava/entrypoints/cli.mjs');
const offer = offeredPlace();

if ('reason' in offer) test.skip(`${title} (${offer.reason})`, t => t.fail());
else
  test(`${title} (${offer.place.name})`, async t => {
    t.timeout(300_000);
    const lines: string[] = [];
    const outcome = await offer.place.run([process.execPath, ava, '--tap', 'dist/test/contract/kernel.test.js'], {
      env: {DOUBLEZEROD_LAB: '1'},
      timeoutMs: 290_000,
      onLine: line => lines.push(line),
    });
    const points = lines.filter(line => /^(not )?ok \d+/.test(line));
    const passed = points.filter(line => /^ok \d+ - kernel with GRE: (?!.*# SKIP)/.test(line));
    if (outcome.status !== 0) t.log([...lines, outcome.trouble ?? '', outcome.messages, outcome.kept ?? ''].join('\n'));
    t.is(outcome.status, 0, outcome.trouble);
    t.deepEqual(
      points.filter(line => !passed.includes(line)),
      [],
    );
    // The contract alone has more than this, so fewer would mean that part of it was not found.
    t.true(passed.length >= 50, `only ${passed.length} tests were run`);
    t.log(`${passed.length} tests passed`);
  });
