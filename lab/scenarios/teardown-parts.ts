import assert from 'node:assert/strict';
import type {TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Daemon} from '../daemon.js';
import {expectCleanTeardown, expectUnchanged} from '../expect.js';
import {eventually} from '../frr.js';
import {type PlainProcedure, prepare} from '../interface-procedures.js';
import type {Laboratory} from '../laboratory.js';
import {takeSnapshot} from '../snapshot.js';
import {now, SocketPrograms} from '../socket-programs.js';
import {specs} from '../specs.js';
import {expectHeard, expectLeak, expectUnheard} from '../teardown-judges.js';
import {teardownTable} from '../teardown-table.js';
import {type Ends, type Trial, tryOut} from '../teardown-trial.js';
import {addresses} from '../topology.js';

const {behindDevice, doublezeroIp, hostUnderlay, remoteOverlay} = addresses;

export interface Setting {
  readonly lab: Laboratory;
  readonly daemon: Daemon;
  readonly farEnd: SocketPrograms;
}

const ours = 'doublezerod';

/** Resolves when all that programs will talk to is reached through the tunnel, by what BGP has learned perhaps. */
async function provision({lab, daemon}: Setting, spec: Partial<TunnelSpec>, local: string, ...destinations: string[]) {
  const {name} = await daemon.controller.provision(spec);
  for (const destination of new Set(destinations)) {
    await eventually(`${destination} is reached through ${name}`, async () => {
      const route = await lab.host.ip('route', 'get', destination, 'from', local);
      assert(route.includes(` dev ${name} `), route);
    });
  }
  return name;
}

/** What has run once runs as usual after that: the first call costs the compiler more than the work. */
export async function warmUp({daemon}: Setting): Promise<void> {
  const {name} = await daemon.controller.provision(specs.ibrlWithAllocatedIp);
  await daemon.controller.remove(name);
}

/** Takes one tunnel of the daemon's away under programs; by hand it is the daemon that clears up what is left. */
async function trial(
  setting: Setting,
  spec: Partial<TunnelSpec>,
  ends: Ends,
  procedure: PlainProcedure | typeof ours,
): Promise<Trial> {
  const {lab, daemon, farEnd} = setting;
  const before = await takeSnapshot(lab.host);
  const name = await provision(setting, spec, ends.local, ends.far, ends.sink);
  const remove = async () => void expectCleanTeardown(await daemon.controller.remove(name));
  const takeAway = procedure === ours ? remove : await prepare(procedure, lab.host, name);
  const result = await tryOut(lab, name, ends, farEnd, takeAway);
  if (procedure !== ours) await remove();
  await expectUnchanged(lab.host, before);
  return result;
}

/** The three ways to take a tunnel away, for IBRL with allocated IP, with a table of what came of them. */
export async function compareProcedures(
  setting: Setting,
  where: 'no default route' | 'a default route',
): Promise<void> {
  const {lab} = setting;
  const ends: Ends = {local: doublezeroIp, far: behindDevice, sink: behindDevice};
  const take = (procedure: PlainProcedure | typeof ours) => trial(setting, specs.ibrlWithAllocatedIp, ends, procedure);
  const trials = new Map<string, Trial>();
  await lab.step(`${where}: ${ours}`, async () => {
    const result = await take(ours);
    trials.set(ours, result);
    return expectHeard(result);
  });
  await lab.step(`${where}: plain delete`, async () => {
    const result = await take('delete');
    trials.set('`ip link del`', result);
    return expectUnheard(result);
  });
  await lab.step(`${where}: down, then delete`, async () => {
    const result = await take('down, then delete');
    trials.set('`ip link set down`, 100 ms, `ip link del`', result);
    return where === 'a default route' ? `${expectUnheard(result)}, ${expectLeak(result)}` : expectUnheard(result);
  });
  await lab.step('the table', async () => `\n\n${teardownTable(where, trials)}\n`);
}

const services = [
  {title: 'IBRL, on the overlay', spec: specs.ibrl, local: '169.254.0.1', sink: behindDevice},
  {title: 'edge filtering', spec: specs.edgeFiltering, local: doublezeroIp, sink: remoteOverlay},
  {title: 'multicast publisher', spec: specs.multicast, local: doublezeroIp, sink: addresses.publishedGroups[0]},
];

/** The daemon's teardown of the services not yet seen. */
export async function compareServices(setting: Setting): Promise<void> {
  const {lab} = setting;
  const trials = new Map<string, Trial>();
  for (const {title, spec, local, sink} of services) {
    await lab.step(`${title}: ${ours}`, async () => {
      const result = await trial(setting, spec, {local, far: remoteOverlay, sink}, ours);
      trials.set(title, result);
      return expectHeard(result);
    });
  }
  await lab.step('the table', async () => `\n\n${teardownTable('a default route', trials)}\n`);
}

/** Plain IBRL: a connection from the host's own address goes on through provision and removal, and over the Internet. */
export async function useHostAddress(setting: Setting): Promise<void> {
  const {lab, daemon} = setting;
  const echo = (since: number) => talk.until('talker', 'echo', since);
  await using talk = await lab.step('a TCP connection from the host’s own address', () =>
    SocketPrograms.start(lab.host, ['talker'], 'talk', hostUnderlay, behindDevice),
  );
  const name = await lab.step('ProvisionTunnel, IBRL: it moves into the tunnel', async () => {
    const provisioned = await provision(setting, specs.ibrl, hostUnderlay, behindDevice);
    await echo(now());
    return provisioned;
  });
  await lab.step('RemoveTunnel: it moves back to the Internet', async () => {
    const call = now();
    expectCleanTeardown(await daemon.controller.remove(name));
    await echo(now());
    const times = talk.of('talker', call).map(({time}) => time);
    const pauses = times.map((time, index) => time - (times[index - 1] ?? call));
    assert.deepEqual([...new Set(talk.of('talker').map(({what}) => what))], ['ready', 'echo']);
    return `${times.length} answers, never more than ${Math.max(...pauses).toFixed(0)} ms between two`;
  });
}
