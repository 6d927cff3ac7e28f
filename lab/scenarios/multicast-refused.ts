import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {expectRefusal, expectUnchanged} from '../expect.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';
import {withoutKoffi} from '../without-koffi.js';

const second = {...specs.multicast, tunnelDst: addresses.deviceUnderlay2, tunnelNet: addresses.tunnelNet2};

const obstacles = [
  {
    what: 'without CAP_NET_RAW',
    through: ['setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw'],
    reason: 'MISSING_CAPABILITY',
  },
  {
    what: 'without a binary of koffi',
    through: ['env', `NODE_OPTIONS=${withoutKoffi}`],
    reason: 'MULTICAST_UNSUPPORTED',
  },
] as const;

export const multicastRefused: Scenario = {
  summary: 'a daemon that cannot have raw sockets says why, and everything but multicast works',
  async run(lab) {
    // Without koffi callers cannot be told apart, and nobody may do anything unless a policy says so.
    const policy = '/run/multicast-refused.yaml';
    await writeFile(policy, 'bindings: [{role: operator, identities: [uid:0, anonymous]}]\n', {mode: 0o600});
    for (const {what, through, reason} of obstacles) {
      const flags = ['--policy', policy];
      const daemon = await lab.step(`start the daemon ${what}`, () => lab.startDaemon({through, flags}));
      const before = await takeSnapshot(lab.host);
      await lab.step('ProvisionTunnel, multicast', () =>
        expectRefusal(daemon.controller.provision(second), 'FAILED_PRECONDITION', reason),
      );
      await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
      await lab.step('ProvisionTunnel, IBRL', async () => {
        const {state} = await daemon.controller.provision(specs.ibrl);
        assert.equal(state, TunnelState.TUNNEL_STATE_UP);
      });
      // Lest the next daemon is still bringing it back when the kernel is looked at.
      await lab.step('RemoveTunnel', async () => void (await daemon.controller.remove('doublezero0')));
      await lab.step('SIGTERM', async () => assert.equal(await daemon.stop('SIGTERM'), 0));
    }
  },
};
