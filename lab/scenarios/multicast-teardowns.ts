import assert from 'node:assert/strict';
import {expectCleanTeardown} from '../expect.js';
import {eventually, frrPrograms} from '../frr.js';
import type {LinkMonitor} from '../link-monitor.js';
import {expectSame, PimDevice} from '../pim-device.js';
import type {Scenario} from '../scenario.js';
import {specs} from '../specs.js';

const name = 'doublezero1';
const group = '233.84.178.2';
const tunnel = {interface: 'tunnel0', client: '169.254.0.1'};
const rounds = 100;

/** When the interface was lowered before its nth deletion: milliseconds since the epoch. */
const lowered = (links: LinkMonitor, nth: number): Promise<number> =>
  eventually('the deletion is noticed', async () => {
    const events = links.of(name);
    const deletions = events.flatMap(({what}, index) => (what === 'deleted' ? [index] : []));
    const before = events.slice(0, deletions[nth - 1]);
    const down = before.findLast(({what}, index) => what === 'down' && before[index - 1]?.what === 'up');
    assert(deletions.length >= nth && down);
    return down.time;
  });

export const multicastTeardowns: Scenario = {
  summary: `${rounds} multicast teardowns in a row: FRR hears each Prune before the interface goes`,
  programs: frrPrograms,
  async run(lab) {
    await lab.device.batch('addr del 233.84.178.1/32 dev tunnel0\n');
    await using device = await lab.step('start FRR as the device', () =>
      PimDevice.start(lab.device, [tunnel], {withBgp: false}),
    );
    const {controller} = await lab.step('start the daemon', () => lab.startDaemon());
    const spec = {...specs.multicast, doublezeroIp: '', mcastPubGroups: [], mcastSubGroups: [group]};
    using history = device.history();
    const margins: number[] = [];
    await lab.step(`${rounds} times ProvisionTunnel, joined, RemoveTunnel, pruned`, async () => {
      for (let round = 1; round <= rounds; round++) {
        history.restart();
        await controller.provision(spec);
        await history.becomes(tunnel, group, 'JOIN');
        expectCleanTeardown(await controller.remove(name));
        const down = await lowered(lab.links, round);
        const [first] = history.prunes(tunnel, group);
        assert(first !== undefined && first < down, `round ${round}: no Prune came before the interface was lowered`);
        await history.becomes(tunnel, group, 'NOINFO');
        assert(!history.expired(group), `round ${round}: it was not the Prune that ended it`);
        margins.push(down - first);
      }
      const [least, most] = [Math.min(...margins), Math.max(...margins)].map(margin => margin.toFixed(0));
      return `${margins.length} of ${rounds}, the first Prune ${least} to ${most} ms before the interface was lowered`;
    });
    await lab.step('FRR’s join state and neighbor table are empty', async () => {
      expectSame(await device.joined(tunnel), []);
      return expectSame(await device.neighbors(tunnel), []);
    });
  },
};
