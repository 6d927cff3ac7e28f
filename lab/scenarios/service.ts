import assert from 'node:assert/strict';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import type {TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {expectCleanTeardown, expectLoweredFirst, expectRecord, expectUnchanged} from '../expect.js';
import {frrPrograms} from '../frr.js';
import type {Laboratory} from '../laboratory.js';
import {ping} from '../ping.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {bgpStages} from './bgp-stages.js';

export interface Service {
  readonly summary: string;
  /** Interface it is expected to make. */
  readonly name: string;
  readonly spec: Partial<TunnelSpec>;
  /** What it leaves in the kernel. */
  readonly record: string;
  /** What answers pings through the tunnel, and where from. */
  readonly pings: readonly {readonly destination: string; readonly source?: string}[];
  /** What becomes of the routes that the device announces. */
  readonly learned: Learned;
  /** What the two sides need for the pings, besides the topology. */
  readonly prepare?: (lab: Laboratory) => Promise<void>;
}

/** The stages of `spec/kernel-state.md` with a BGP session. */
export interface Learned {
  /** Absent where nothing is installed. */
  readonly table?: number;
  readonly source: string;
  /** Announced to the device. */
  readonly advertised: string;
  readonly staysWhenWithdrawn: boolean;
  /** Where a ping to a learned prefix is answered. */
  readonly ping?: string;
}

/** The life of one tunnel: provision → ping → BGP → remove. */
export const serviceScenario = ({summary, name, spec, record, pings, learned, prepare}: Service): Scenario => ({
  summary,
  programs: frrPrograms,
  async run(lab) {
    await prepare?.(lab);
    const tap = await lab.tapNetlink();
    const before = await takeSnapshot(lab.host);
    const daemon = await lab.step('start the daemon', () => lab.startDaemon());
    await lab.step('ProvisionTunnel over gRPC', async () => {
      const tunnel = await daemon.controller.provision(spec);
      assert.equal(tunnel.name, name);
      assert.equal(tunnel.state, TunnelState.TUNNEL_STATE_UP);
      assert.equal(tunnel.link?.mtu, 1476);
      return `${tunnel.name}, interface ${tunnel.link?.index}`;
    });
    await lab.step('compare the kernel with the record', () => expectRecord(lab.host, before, record));
    for (const {destination, source} of pings) {
      const title = `ping ${destination}${source === undefined ? '' : ` from ${source}`} through the tunnel`;
      await lab.step(title, () => ping(lab.host, destination, source));
    }
    await using device = await bgpStages(lab, daemon, {name, before, record, learned});
    await lab.step('RemoveTunnel over gRPC', async () => expectCleanTeardown(await daemon.controller.remove(name)));
    await lab.step('check the order of the teardown', () => expectLoweredFirst(lab.links, tap, name));
    await lab.step('ask the device how the session ended', () => device.hearsCease());
    await lab.step('compare the kernel with before', () => expectUnchanged(lab.host, before));
    await lab.step('stop the daemon', async () => assert.equal(await daemon.stop('SIGTERM'), 0));
  },
});
