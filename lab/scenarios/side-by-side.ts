import {expectCleanTeardown, expectRecord, expectRefusal, expectUnchanged} from '../expect.js';
import {ping} from '../ping.js';
import * as record from '../record.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';

const {deviceUnderlay2, remoteOverlay, remoteOverlay2, tunnelNet2} = addresses;

const second = {...specs.multicast, tunnelDst: deviceUnderlay2, tunnelNet: tunnelNet2, doublezeroIp: '10.99.0.2'};
const secondRecord = record.multicast
  .replaceAll('192.0.2.2', '192.0.2.3')
  .replaceAll('169.254.0.1', '169.254.0.3')
  .replaceAll('169.254.0.0', '169.254.0.2')
  .replaceAll('10.99.0.1', '10.99.0.2');

export const sideBySide: Scenario = {
  summary: 'a unicast and a multicast tunnel side by side, removed one after the other',
  async run(lab) {
    const before = await takeSnapshot(lab.host);
    const {controller} = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step(
      'ProvisionTunnel, edge filtering',
      async () => void (await controller.provision(specs.edgeFiltering)),
    );
    const first = await takeSnapshot(lab.host);
    await lab.step('ProvisionTunnel, multicast, with the same pair of endpoints', () =>
      expectRefusal(controller.provision(specs.multicast), 'INVALID_ARGUMENT'),
    );
    await lab.step('ProvisionTunnel, multicast', async () => void (await controller.provision(second)));
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, first, secondRecord));
    await lab.step('ping through the first', () => ping(lab.host, remoteOverlay));
    await lab.step('ping through the second', () => ping(lab.host, remoteOverlay2));
    await lab.step('RemoveTunnel, edge filtering', async () =>
      expectCleanTeardown(await controller.remove('doublezero0')),
    );
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, before, secondRecord));
    await lab.step('ping through the second', () => ping(lab.host, remoteOverlay2));
    await lab.step('RemoveTunnel, multicast', async () => expectCleanTeardown(await controller.remove('doublezero1')));
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};
