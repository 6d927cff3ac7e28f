import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readdir, readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {expectUnchanged} from '../expect.js';
import {ping} from '../ping.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';

const execute = promisify(execFile);

/** CAP_NET_ADMIN and CAP_NET_RAW. */
const two = ((1 << 12) | (1 << 13)).toString(16).padStart(16, '0');
const none = two.replaceAll(/./g, '0');
const expected = `CapInh ${none}, CapPrm ${two}, CapEff ${two}, CapBnd ${two}, CapAmb ${none}, NoNewPrivs 1`;

async function expectTwo(pid: number): Promise<string> {
  const threads = await readdir(`/proc/${pid}/task`);
  for (const thread of threads) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const held = [...status.matchAll(/^(Cap\w+|NoNewPrivs):\s*(\w+)$/gm)].map(([, name, value]) => `${name} ${value}`);
    assert.equal(held.join(', '), expected);
  }
  return `${threads.length} threads with CAP_NET_ADMIN and CAP_NET_RAW`;
}

/** Nobody but the daemon's user reads its state, or anything that it left there. */
async function expectTight(folder: string): Promise<void> {
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, 'tunnels.json'))).mode & 0o777, 0o600);
}

const second = {...specs.multicast, tunnelDst: addresses.deviceUnderlay2, tunnelNet: addresses.tunnelNet2};

export const privileges: Scenario = {
  summary: 'root holds two capabilities, which is enough for all it does, also where GRE is not loaded yet',
  needsOwnKernel: true,
  async run(lab) {
    await lab.step('take GRE out of the kernel', async () => {
      await lab.device.batch('link del tunnel0\nlink del tunnel1\n');
      await execute('modprobe', ['-r', 'ip_gre']);
    });
    const daemon = await lab.step('start the daemon', () => lab.startDaemon());
    const before = await takeSnapshot(lab.host); // GRE with devices of its own is there again
    await lab.step('look at what it holds', () => expectTwo(daemon.pid));
    await lab.step('put the device’s end back', async () => {
      await lab.device.batch(
        [
          `link add tunnel0 type gre local ${addresses.deviceUnderlay} remote ${addresses.hostUnderlay} ttl 32`,
          `addr add ${addresses.tunnelNet} dev tunnel0`,
          'link set tunnel0 up\n',
        ].join('\n'),
      );
    });
    await lab.step('ProvisionTunnel, IBRL', () => daemon.controller.provision(specs.ibrl).then(expectUp));
    await lab.step('ping through the tunnel', () => ping(lab.host, addresses.remoteOverlay));
    await lab.step('ProvisionTunnel, multicast', () => daemon.controller.provision(second).then(expectUp));
    await lab.step('look at its files', () => expectTight(lab.stateDir));
    await lab.step('look at what it holds', () => expectTwo(daemon.pid));
    await lab.step('SIGTERM', async () => assert.equal(await daemon.stop('SIGTERM'), 0));
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};

const expectUp = ({state}: {readonly state: TunnelState}): void => assert.equal(state, TunnelState.TUNNEL_STATE_UP);
