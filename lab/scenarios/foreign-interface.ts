import assert from 'node:assert/strict';
import {expectRecord, expectRefusal, expectUnchanged} from '../expect.js';
import * as record from '../record.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';

const {hostUnderlay, deviceUnderlay, deviceUnderlay2} = addresses;
const name = 'doublezero0';

const foreign = {
  'a dummy': `link add ${name} type dummy`,
  'a GRE tunnel to another place': `link add ${name} type gre local ${hostUnderlay} remote ${deviceUnderlay2} ttl 64`,
  'a GRE tunnel with a key': `link add ${name} type gre local ${hostUnderlay} remote ${deviceUnderlay} ttl 64 nopmtudisc key 7`,
} as const;

export const interfaceConflict: Scenario = {
  summary: 'an interface of the tunnel’s name that is not ours is refused and never touched',
  async run(lab) {
    const {controller} = await lab.step('start the daemon', () => lab.startDaemon());
    for (const [what, command] of Object.entries(foreign)) {
      await lab.host.batch(`${command}\nlink set ${name} up\n`);
      const before = await takeSnapshot(lab.host);
      await lab.step(`ProvisionTunnel where ${name} is ${what}`, () =>
        expectRefusal(controller.provision(specs.ibrl), 'FAILED_PRECONDITION', 'INTERFACE_CONFLICT'),
      );
      await lab.step('RemoveTunnel', () => expectRefusal(controller.remove(name), 'NOT_FOUND', 'TUNNEL_NOT_FOUND'));
      await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
      await lab.host.ip('link', 'del', name);
    }
  },
};

export const adoption: Scenario = {
  summary: 'an interface that matches the spec is adopted as it is and completed',
  async run(lab) {
    const before = await takeSnapshot(lab.host);
    await lab.host.batch(
      `link add ${name} type gre local ${hostUnderlay} remote ${deviceUnderlay} ttl 64 nopmtudisc\nlink set ${name} up\n`,
    );
    const {index} = await lab.links.seen(name, 'up');
    const {controller} = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step(`ProvisionTunnel where a matching ${name} is up`, async () => {
      const tunnel = await controller.provision(specs.ibrl);
      assert.equal(tunnel.link?.index, index);
      return `interface ${index} is still there`;
    });
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, before, record.ibrl));
    await lab.step('read the kernel’s link notifications', async () => {
      const kinds = lab.links.of(name).map(({what}) => what);
      assert.equal(kinds.lastIndexOf('down') < kinds.indexOf('up'), true, `lowered meanwhile: ${kinds}`);
      return 'never lowered';
    });
    await lab.step('RemoveTunnel', async () => void (await controller.remove(name)));
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
  },
};
