import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {ipBatch, Namespace} from '../../../lab/namespace.js';
import {type CrashCase, CrashMatrix} from '../../../lab/survival/crash-matrix.js';
import {laboratoryTest} from '../bgp/peers/available.js';

const test = laboratoryTest(['ip']);

/**
 * Declares a test for each case: the daemon is killed after each single change that it makes of the kernel, and the one
 * started after it finds or makes what the journal says. With GRE where this kernel has it, else with veth.
 */
export function crashTests(cases: readonly CrashCase[]): void {
  for (const subject of cases) {
    test(`the daemon is killed in the midst of the ${subject.title}`, async t => {
      t.timeout(600_000);
      const folder = await mkdtemp(join(tmpdir(), 'doublezerod-crash-'));
      const namespace = new Namespace(`crash-${randomBytes(3).toString('hex')}`);
      await ipBatch(`netns add ${namespace.name}\n`);
      try {
        await namespace.batch('link set lo up\n');
        await using matrix = await CrashMatrix.open(namespace, folder);
        const points = await matrix.run(subject);
        t.true(points >= 2);
        t.log(`${points} points`);
      } finally {
        await ipBatch(`netns del ${namespace.name}\n`, ['-force']);
        await rm(folder, {recursive: true, force: true});
      }
    });
  }
}
