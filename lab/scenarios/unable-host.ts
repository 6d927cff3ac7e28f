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

export const withoutGre: Scenario = {
  summary: 'a kernel without GRE is named as the reason, and nothing is half done',
  needsOwnKernel: true,
  async run(lab) {
    await lab.device.batch('link del tunnel0\nlink del tunnel1\n');
    await lab.step('take GRE out of the kernel', async () => {
      await writeFile(modprobeSetting, '\n');
      await execute('modprobe', ['-r', 'ip_gre']);
    });
    try {
      const before = await takeSnapshot(lab.host);
      const {controller} = await lab.step('start the daemon', () => lab.startDaemon());
      await lab.step('ProvisionTunnel', async () => {
        const message = await expectRefusal(controller.provision(specs.ibrl), 'FAILED_PRECONDITION', 'GRE_UNSUPPORTED');
        assert.match(message, /ip_gre/, 'names the module');
        return message;
      });
      await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
    } finally {
      await writeFile(modprobeSetting, '/run/kernel/modprobe\n');
      await execute('modprobe', ['ip_gre']);
    }
  },
};

export const withoutCapability: Scenario = {
  summary: 'a daemon without CAP_NET_ADMIN says so, and nothing is half done',
  async run(lab) {
    const before = await takeSnapshot(lab.host);
    const through = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
    const {controller} = await lab.step('start the daemon without CAP_NET_ADMIN', () => lab.startDaemon({through}));
    await lab.step('ProvisionTunnel', async () => {
      const message = await expectRefusal(
        controller.provision(specs.ibrl),
        'FAILED_PRECONDITION',
        'MISSING_CAPABILITY',
      );
      assert.match(message, /CAP_NET_ADMIN/, 'names the capability');
      return message;
    });
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};
