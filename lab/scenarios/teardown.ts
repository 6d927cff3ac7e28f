import {BgpDevice} from '../bgp-device.js';
import {frrPrograms} from '../frr.js';
import type {Scenario} from '../scenario.js';
import {socketPrograms} from '../socket-programs.js';
import {startFarEnd} from '../teardown-trial.js';
import {addresses} from '../topology.js';
import {compareProcedures, compareServices, useHostAddress, warmUp} from './teardown-parts.js';

/** One scenario, since to start the daemon takes the longest by far on the only kernel where all this can be seen. */
export const teardown: Scenario = {
  summary: 'what programs hear of teardowns, of a plain delete and of down-then-delete, and what leaks',
  needsSocketAbort: true,
  programs: [...frrPrograms, ...socketPrograms],
  async run(lab) {
    await using _device = await lab.step('start FRR as the device: zebra, bgpd', () => BgpDevice.start(lab.device));
    await using farEnd = await lab.step('start the far end', () => startFarEnd(lab));
    // Without repairs, so that the daemon does not put back what is taken away by hand.
    const daemon = await lab.step('start the daemon', () => lab.startDaemon({flags: ['--repair', 'off']}));
    const setting = {lab, daemon, farEnd};
    await lab.step('ProvisionTunnel and RemoveTunnel, to warm up', () => warmUp(setting));
    await compareProcedures(setting, 'no default route');
    await lab.host.batch(`route add default via ${addresses.deviceUnderlay} dev underlay\n`);
    await compareProcedures(setting, 'a default route');
    await compareServices(setting);
    await useHostAddress(setting);
  },
};
