import assert from 'node:assert/strict';
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {BgpDevice} from '../bgp-device.js';
import type {Daemon} from '../daemon.js';
import {eventually, frrPrograms} from '../frr.js';
import type {Laboratory} from '../laboratory.js';
import {patience} from '../patience.js';
import type {Scenario} from '../scenario.js';
import {specs} from '../specs.js';
import {type CrashCase, CrashMatrix} from '../survival/crash-matrix.js';
import {damages, expectPrompt, pullKillSwitch, type Suffered, suffer} from '../survival/drift.js';
import {EventLog} from '../survival/event-log.js';
import {kernelState} from '../survival/kernel-state.js';
import {SteadyPing} from '../survival/steady-ping.js';
import {addresses} from '../topology.js';

const {remoteOverlay, doublezeroIp, behindDevice} = addresses;
const socket = '/run/doublezerod/doublezerod.sock';

/** FRR announces three routes, and they are in the kernel. */
async function learn(lab: Laboratory, {controller}: Daemon): Promise<BgpDevice> {
  const device = await lab.step('start FRR on the device', () => BgpDevice.start(lab.device));
  await lab.step('learn its routes', () =>
    eventually('three routes are learned', async () => {
      const {bgpSession} = await controller.get('doublezero0');
      assert.equal(bgpSession?.routesInstalled, 3, bgpSession?.lastError);
    }),
  );
  return device;
}

export const survivalPing: Scenario = {
  summary: 'a ping 50 times a second through kill -9 and a new start loses nothing, and nothing is touched',
  programs: frrPrograms,
  async run(lab) {
    const flags = ['--on-exit', 'keep'];
    const first = await lab.step('start the daemon', () => lab.startDaemon({flags}));
    await lab.step('ProvisionTunnel', async () => void (await first.controller.provision(specs.ibrlWithAllocatedIp)));
    await using _device = await learn(lab, first);
    const [before, notified] = [await kernelState(lab.host), lab.links.of('doublezero0').length];
    const pings = [
      SteadyPing.start(lab.host, remoteOverlay),
      SteadyPing.start(lab.host, behindDevice, doublezeroIp),
      SteadyPing.start(lab.device, doublezeroIp, remoteOverlay),
    ];
    await delay(500);
    await lab.step('kill -9', async () => void (await first.stop('SIGKILL')));
    await lab.step('compare the kernel with before', async () => assert.deepEqual(await kernelState(lab.host), before));
    const second = await lab.step('start the daemon again', () => lab.startDaemon({flags}));
    await lab.step('wait for the BGP session', () =>
      eventually('the session is up', async () => {
        const {bgpSession} = await second.controller.get('doublezero0');
        assert.equal(bgpSession?.state, BgpSessionState.BGP_SESSION_STATE_UP, bgpSession?.lastError);
      }),
    );
    await delay(patience * 1000);
    for (const ping of pings) await lab.step('count the answers', () => ping.expectNoLoss());
    await lab.step('compare the kernel with before', async () => assert.deepEqual(await kernelState(lab.host), before));
    assert.equal(lab.links.of('doublezero0').length, notified, 'the link was changed');
  },
};

export const survivalDrift: Scenario = {
  summary: 'what somebody takes out of the kernel is noticed, told and put back; a kill switch is respected',
  programs: frrPrograms,
  async run(lab) {
    const daemon = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step('ProvisionTunnel', async () => void (await daemon.controller.provision(specs.edgeFiltering)));
    await using _device = await learn(lab, daemon);
    await using events = await EventLog.open(socket);
    const subject = {host: lab.host, daemon, events};
    const suffered: Suffered[] = [];
    for (const what of Object.keys(damages)) {
      await lab.step(what, async () => {
        suffered.push(await suffer(subject, what));
        return suffered.at(-1)?.text;
      });
    }
    expectPrompt(suffered);
    await lab.step('set the interface down, and up again', () => pullKillSwitch(subject));
  },
};

const crash = (summary: string, work: Pick<CrashCase, 'from' | 'to'>): Scenario => ({
  summary,
  async run(lab) {
    const folder = `/run/${lab.scenario}`;
    await mkdir(folder);
    await using matrix = await lab.step('start the daemon', () => CrashMatrix.open(lab.host, folder));
    await lab.step(
      'kill it after each change',
      async () => `${await matrix.run({title: lab.scenario, ...work})} points`,
    );
  },
});

export const survivalProvision = crash(
  'killed after each change of the kernel in a provision, the daemon finishes the tunnel when it starts',
  {to: specs.ibrl},
);

export const survivalRemoval = crash(
  'killed after each change of the kernel in a removal, the daemon makes the kernel what its journal says',
  {from: specs.ibrl},
);

export const survivalJournal: Scenario = {
  summary: 'a journal of a newer version is refused with exit code 2, a corrupt one is set aside; the kernel stays',
  async run(lab) {
    const journal = join(lab.stateDir, 'tunnels.json');
    const first = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step('ProvisionTunnel', async () => void (await first.controller.provision(specs.edgeFiltering)));
    const before = await kernelState(lab.host);
    await lab.step('kill -9', async () => void (await first.stop('SIGKILL')));
    await writeFile(journal, '{"version": 2, "tunnels": []}');
    await lab.step('start the daemon with a journal of version 2', () =>
      assert.rejects(lab.startDaemon(), /status 2: .*tunnels\.json was written by a newer doublezerod/s),
    );
    assert.deepEqual(await kernelState(lab.host), before);
    await writeFile(journal, '{"version": 1,');
    const second = await lab.step('start the daemon with a corrupt journal', () => lab.startDaemon());
    await delay(patience * 1000);
    assert.deepEqual(await second.controller.list(), []);
    await lab.step('compare the kernel with before', async () => assert.deepEqual(await kernelState(lab.host), before));
  },
};
