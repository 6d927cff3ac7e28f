import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import {promisify} from 'node:util';
import {expectRefusal, expectUnchanged} from '../expect.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';

const execute = promisify(execFile);
const modprobeSetting = '/proc/sys/kernel/modprobe';

/** The daemon does not start, and says why. Status 2: it cannot run as asked. */
const expectNoStart = async (start: Promise<unknown>, reason: RegExp): Promise<void> => {
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /exited with status 2/);
    assert.match(error.message, reason);
    return true;
  });
};

export const withoutGre: Scenario = {
  summary: 'a kernel without GRE is named as the reason, and nothing is half done',
  needsOwnKernel: true,
  async run(lab) {
    await lab.device.batch('link del tunnel0\nlink del tunnel1\n');
    const daemon = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step('take GRE out of the kernel', async () => {
      await writeFile(modprobeSetting, '\n');
      await execute('modprobe', ['-r', 'ip_gre']);
    });
    try {
      const before = await takeSnapshot(lab.host);
      await lab.step('ProvisionTunnel', () =>
        expectRefusal(daemon.controller.provision(specs.ibrl), 'FAILED_PRECONDITION', 'GRE_UNSUPPORTED'),
      );
      await daemon.stop('SIGTERM');
      await lab.step('start the daemon', () => expectNoStart(lab.startDaemon(), /modprobe ip_gre/));
      await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
    } finally {
      await writeFile(modprobeSetting, '/run/kernel/modprobe\n');
      await execute('modprobe', ['ip_gre']);
    }
  },
};

export const withoutCapability: Scenario = {
  summary: 'a daemon without CAP_NET_ADMIN says so and does not start',
  async run(lab) {
    const through = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
    await lab.step('start the daemon without CAP_NET_ADMIN', () =>
      expectNoStart(lab.startDaemon({through}), /CAP_NET_ADMIN/),
    );
  },
};
