// What other programs do to the tunnel on a real kernel, veth standing in for GRE, and FRR as the device.
import {readFile} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';
import {BgpDevice} from '../../../lab/bgp-device.js';
import {eventually, frrPrograms} from '../../../lab/frr.js';
import {specs} from '../../../lab/specs.js';
import {damages, expectPrompt, pullKillSwitch, type Suffered, suffer} from '../../../lab/survival/drift.js';
import {EventLog} from '../../../lab/survival/event-log.js';
import {RouteFlood} from '../../../lab/survival/flood.js';
import {kernelState} from '../../../lab/survival/kernel-state.js';
import {VethWorld} from '../../../lab/survival/veth-world.js';
import {TunnelState} from '../../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelEventType} from '../../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {laboratoryTest} from '../bgp/peers/available.js';

const test = laboratoryTest(['ip', 'ping']);
const testWithFrr = laboratoryTest(['ip', ...frrPrograms]);

const {TUNNEL_EVENT_TYPE_DRIFT_DETECTED: detected, TUNNEL_EVENT_TYPE_DRIFT_REPAIRED: repaired} = TunnelEventType;

testWithFrr('what somebody takes out of the kernel is noticed within a second, and put back', async t => {
  await using world = await VethWorld.create();
  t.timeout(600_000);
  const daemon = await world.start();
  const {controller} = daemon;
  await controller.provision(specs.edgeFiltering);
  await world.connect();
  await using _device = await BgpDevice.start(world.device);
  await eventually('three routes are learned', async () => {
    const {bgpSession} = await controller.get('doublezero0');
    if (bgpSession?.routesInstalled !== 3) throw new Error(bgpSession?.lastError);
  });
  await using events = await EventLog.open(world.socket);
  const subject = {host: world.host, daemon, events, reconnect: () => world.connect()};
  const suffered: Suffered[] = [];
  for (const what of Object.keys(damages)) {
    const outcome = await suffer(subject, what);
    suffered.push(outcome);
    t.log(`${what}: ${outcome.text}`);
  }
  expectPrompt(suffered);
  t.log(`kill switch: ${await pullKillSwitch(subject)}`);
  t.pass();
});

test('with --repair=off drift is told of, nothing is put back, and its end is told of too', async t => {
  await using world = await VethWorld.create();
  const {controller} = await world.start('--repair', 'off');
  await controller.provision(specs.edgeFiltering);
  await world.connect();
  await using events = await EventLog.open(world.socket);
  const start = performance.now();
  const rule = 'priority 101 from 198.51.100.0/25 table 101 protocol 2';
  await world.host.batch(`rule del ${rule}\n`);
  t.regex((await events.next(detected, start, 30_000)).reason, /^rule 101 from 198\.51\.100\.0\/25 is missing$/);
  await delay(2500); // in which a repair would have been tried twice
  t.is((await controller.get('doublezero0')).state, TunnelState.TUNNEL_STATE_DEGRADED);
  t.false((await kernelState(world.host)).some(line => /^rule .*198\.51\.100\.0/.test(line) && /101/.test(line)));
  await world.host.batch(`rule add ${rule}\n`);
  await events.next(repaired, start, 30_000);
  t.is((await controller.get('doublezero0')).state, TunnelState.TUNNEL_STATE_UP);
});

test('a repair that does not succeed is tried again, less and less often, and in the end does', async t => {
  await using world = await VethWorld.create();
  const daemon = await world.start();
  const {controller} = daemon;
  await controller.provision(specs.edgeFiltering);
  await using events = await EventLog.open(world.socket);
  const start = performance.now();
  await daemon.whileFrozen(() =>
    world.host.batch('link del doublezero0\nlink add doublezero0 type veth peer name other\nlink set doublezero0 up\n'),
  );
  t.regex((await events.next(detected, start, 30_000)).reason, /^interface doublezero0 is not ours any more/);
  await eventually('a repair has failed', async () => {
    const {lastError} = await controller.get('doublezero0');
    if (!/^repair failed: interface doublezero0 exists and is not ours/.test(lastError)) throw new Error(lastError);
  });
  t.true((await world.host.ip('link', 'show', 'doublezero0')).includes('@other'), 'it was touched');
  await world.host.batch('link del doublezero0\n');
  await events.next(repaired, start, 90_000);
  const log = (await readFile(world.logFile, 'utf8')).split('\n').filter(line => line.includes('drift.repair_failed'));
  t.deepEqual(log.map(line => JSON.parse(line).retry_ms).slice(0, 2), [2000, 4000].slice(0, log.length));
});

test('a device set down while no daemon was there stays down with the next, until it is raised', async t => {
  await using world = await VethWorld.create();
  const keep = ['--on-exit', 'keep'];
  const first = await world.start(...keep);
  const {uid} = await first.controller.provision(specs.edgeFiltering);
  await world.connect();
  const before = await kernelState(world.host);
  await first.stop('SIGKILL');
  await world.host.batch('link set doublezero0 down\n');
  const down = await kernelState(world.host);
  const {controller} = await world.start(...keep);
  await using events = await EventLog.open(world.socket);
  await eventually('it is told', async () => {
    const {state, lastError} = await controller.get('doublezero0');
    if (state !== TunnelState.TUNNEL_STATE_DEGRADED) throw new Error(`${state}`);
    t.is(lastError, 'interface doublezero0 was set down by somebody else');
  });
  await delay(1500); // over the first looks for drift
  t.deepEqual(await kernelState(world.host), down);
  const lifted = performance.now();
  await world.host.batch('link set doublezero0 up\n');
  await events.next(repaired, lifted, 60_000);
  t.deepEqual(await kernelState(world.host), before);
  t.like(await controller.get('doublezero0'), {state: TunnelState.TUNNEL_STATE_UP, uid, lastError: ''});
});

test('a flood of route changes by another program neither ends the daemon nor keeps it from answering', async t => {
  t.timeout(300_000);
  await using world = await VethWorld.create();
  const {controller} = await world.start();
  await controller.provision(specs.edgeFiltering);
  await using events = await EventLog.open(world.socket);
  let slowest = 0;
  {
    await using flood = await RouteFlood.start(world.host, world.folder);
    while (flood.changes < 200_000) {
      const start = performance.now();
      t.is((await controller.list()).length, 1);
      slowest = Math.max(slowest, performance.now() - start);
      await delay(20);
    }
    const during = performance.now();
    await world.host.batch('addr del 10.99.0.1/32 dev doublezero0\n');
    await events.next(repaired, during, 60_000);
  }
  t.log(`the slowest answer took ${slowest.toFixed(0)} ms`);
  t.true(slowest < 20_000, `${slowest}`);
  const after = performance.now();
  await world.host.batch('rule del priority 100 to 203.0.113.0/24 table 100\n');
  await events.next(repaired, after, 60_000);
  t.is((await controller.get('doublezero0')).state, TunnelState.TUNNEL_STATE_UP);
});
