import assert from 'node:assert/strict';
import {expectLoweredFirst, expectRecord, expectUnchanged} from '../expect.js';
import {ping} from '../ping.js';
import * as record from '../record.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';

const {remoteOverlay} = addresses;

export const teardownOnExit: Scenario = {
  summary: 'SIGTERM tears the tunnels down, which is the default',
  async run(lab) {
    const tap = await lab.tapNetlink();
    const before = await takeSnapshot(lab.host);
    const daemon = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step('ProvisionTunnel', async () => void (await daemon.controller.provision(specs.edgeFiltering)));
    await lab.step('SIGTERM', async () => assert.equal(await daemon.stop('SIGTERM'), 0));
    await lab.step('check the order of the teardown', () => expectLoweredFirst(lab.links, tap, 'doublezero0'));
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};

export const keepOnExit: Scenario = {
  summary: 'with --on-exit=keep the tunnel outlives the daemon, and the next one takes it over',
  async run(lab) {
    const before = await takeSnapshot(lab.host);
    const flags = ['--on-exit', 'keep'];
    const first = await lab.step('start the daemon', () => lab.startDaemon({flags}));
    const {link} = await lab.step('ProvisionTunnel', () => first.controller.provision(specs.edgeFiltering));
    await lab.step('SIGTERM', async () => assert.equal(await first.stop('SIGTERM'), 0));
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, before, record.edgeFiltering));
    await lab.step('ping through the tunnel without a daemon', () => ping(lab.host, remoteOverlay));
    const notified = lab.links.of('doublezero0').length;
    const second = await lab.step('start the daemon again', () => lab.startDaemon({flags}));
    await lab.step('ProvisionTunnel with the same spec', async () => {
      const tunnel = await second.controller.provision(specs.edgeFiltering);
      assert.equal(tunnel.link?.index, link?.index);
      assert.equal(lab.links.of('doublezero0').length, notified, 'the link was changed');
      return `interface ${link?.index} as it was`;
    });
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, before, record.edgeFiltering));
    await lab.step('RemoveTunnel', async () => void (await second.controller.remove('doublezero0')));
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};
