import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import type {TunnelEvent} from '../../../src/tunnels/events.js';
import type {TunnelManager} from '../../../src/tunnels/tunnel-manager.js';
import {recordingLog} from '../../recording-log.js';
import {samples} from '../../samples.js';
import {eventually} from '../bgp/loopback-world.js';
import {kernelText, openHost, replacing} from './crash-world.js';

/** Everything that the manager tells from now on. */
function listen(manager: TunnelManager) {
  const stop = new AbortController();
  const events: TunnelEvent[] = [];
  const watch = manager.watch({resumeToken: '', names: [], signal: stop.signal, onOverrun: () => undefined});
  const reading = (async () => {
    for await (const event of watch) events.push(event);
  })();
  return {
    of: (type: TunnelEvent['type']) => events.filter(event => event.type === type),
    /** The nth event of a type. */
    async nth(type: TunnelEvent['type'], nth: number): Promise<TunnelEvent> {
      await eventually(`${type} number ${nth}`, () => events.filter(event => event.type === type).length >= nth);
      return events.filter(event => event.type === type)[nth - 1] as TunnelEvent;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

/** A kernel, and when somebody has looked at it a while longer. */
function watched(kernel: Netlinker) {
  let looks = 0;
  const netlinker = replacing(kernel, 'link', async name => {
    looks += 1;
    return kernel.link(name);
  });
  return {
    netlinker,
    /** The monitor asks for the link up to four times a look. */
    async moreLooks() {
      const enough = looks + 12;
      await eventually('more looks', () => looks >= enough);
    },
  };
}

test('a fault is told and mended, and told again when it comes back after an update, and with another tunnel', async t => {
  await using host = await openHost();
  const {manager} = await host.start();
  await using told = listen(manager);
  const before = await manager.provision(samples.ibrl);
  const steps = [
    async () => before,
    () => manager.update({...samples.ibrl, bgpRemoteAsn: 65_010}),
    async () => {
      await manager.remove('doublezero0');
      return manager.provision(samples.ibrl);
    },
  ];
  for (const [index, step] of steps.entries()) {
    const {uid} = await step();
    await host.kernel.tunnelSetMtu('doublezero0', 1300);
    const {tunnel, reason} = await told.nth('driftDetected', index + 1);
    t.is(reason, 'interface doublezero0 has MTU 1300');
    t.like(tunnel, {state: 'degraded', uid, lastError: reason});
    t.like((await told.nth('driftRepaired', index + 1)).tunnel, {state: 'up', uid, lastError: ''});
    t.is((await host.kernel.link('doublezero0'))?.mtu, 1476);
  }
});

test('a device set down by somebody else stays down until they raise it, and then has all its routes again', async t => {
  await using host = await openHost();
  const {netlinker, moreLooks} = watched(host.kernel);
  const {manager, calls} = await host.start(netlinker);
  await using told = listen(manager);
  await manager.provision(samples.edgeFiltering);
  const before = await kernelText(host.kernel);
  calls.length = 0;
  await host.kernel.tunnelDown('doublezero0');
  t.is((await told.nth('driftDetected', 1)).reason, 'interface doublezero0 was set down by somebody else');
  await moreLooks();
  t.deepEqual(calls, []);
  t.is(manager.get('doublezero0').state, 'degraded');
  await host.kernel.tunnelUp('doublezero0');
  await told.nth('driftRepaired', 1);
  t.deepEqual(await kernelText(host.kernel), before);
  t.is(told.of('driftDetected').length, 2, 'down, and then the routes');
});

test('a device set down beside another fault is not mended behind the back of whoever did that', async t => {
  await using host = await openHost();
  const {netlinker, moreLooks} = watched(host.kernel);
  const {manager, calls} = await host.start(netlinker);
  await using told = listen(manager);
  await manager.provision(samples.edgeFiltering);
  const [rule] = (await host.kernel.rules()).filter(({priority}) => priority === 100);
  if (!rule) throw new Error('no rule');
  calls.length = 0;
  await host.kernel.tunnelDown('doublezero0');
  await host.kernel.ruleDelete(rule);
  await told.nth('driftDetected', 1);
  await moreLooks();
  t.deepEqual(calls, []);
});

test('without repair lost routes are told of and not put back, learned ones too', async t => {
  await using host = await openHost();
  const {netlinker, moreLooks} = watched(host.kernel);
  const {manager, calls} = await host.start(netlinker, {repair: false});
  await using told = listen(manager);
  await manager.provision(samples.edgeFiltering);
  calls.length = 0;
  const lost = await host.kernel.routes({protocol: 186});
  await host.kernel.routesDelete(lost);
  t.is((await told.nth('driftDetected', 1)).reason, '2 learned routes are missing');
  await moreLooks();
  t.deepEqual(calls, []);
  t.is(told.of('driftDetected').length, 1);
  await host.kernel.routesReplace(lost);
  await told.nth('driftRepaired', 1);
  t.like(manager.get('doublezero0'), {state: 'up', lastError: ''});
});

test('a repair that fails is tried again with longer and longer pauses', async t => {
  await using host = await openHost();
  const {lines, log} = recordingLog();
  const {manager, fail} = await host.start(host.kernel, {log});
  await using told = listen(manager);
  await manager.provision(samples.ibrl);
  for (let nth = 1; nth <= 2; nth++) fail('tunnelSetMtu', nth, 'ENOMEM');
  await host.kernel.tunnelSetMtu('doublezero0', 1300);
  await eventually('it is told', () => manager.get('doublezero0').lastError === 'repair failed: tunnelSetMtu: ENOMEM');
  await told.nth('driftRepaired', 1);
  const failures = lines.filter(({message}) => message === 'drift.repair_failed');
  t.deepEqual(
    failures.map(({retry_ms}) => retry_ms),
    [2000, 4000],
  );
  t.is(told.of('driftDetected').length, 1);
});

test('a kernel that cannot be read is logged once, and the tunnel stays what it was', async t => {
  await using host = await openHost();
  const {lines, log} = recordingLog();
  let isBroken = false;
  let attempts = 0;
  const flaky = replacing(host.kernel, 'link', async name => {
    if (!isBroken) return host.kernel.link(name);
    attempts += 1;
    throw new Error('dump interrupted');
  });
  const {manager} = await host.start(flaky, {log});
  await manager.provision(samples.ibrl);
  const unreadable = () => lines.filter(({message}) => message === 'drift.unreadable').length;
  isBroken = true;
  await eventually('it has been tried again', () => attempts > 2);
  t.is(unreadable(), 1);
  t.is(manager.get('doublezero0').state, 'up');
  isBroken = false;
  await host.kernel.tunnelSetMtu('doublezero0', 1300);
  await eventually('it looks again', () => lines.some(({message}) => message === 'drift.repaired'));
});

test('looks at routing tables take no more than a fifth of the time, however large those are', async t => {
  await using host = await openHost();
  let looks = 0;
  const slow = replacing(host.kernel, 'routes', async filter => {
    looks += 1;
    await delay(300);
    return host.kernel.routes(filter);
  });
  const {manager} = await host.start(slow, {learns: false});
  await manager.provision(samples.edgeFiltering);
  looks = 0;
  const start = performance.now();
  await eventually('three looks', () => looks === 3);
  // The first may have come at once, and the third has only begun.
  t.true(performance.now() - start >= 2 * 1500);
  t.true(looks >= 1 && looks <= 3, `${looks} looks of 300 ms in 4 s`);
});

test('what is wrong with a session that stays up is told, each time that it is something else', async t => {
  await using host = await openHost();
  const {manager, bgp} = await host.start();
  await using told = listen(manager);
  await manager.provision(samples.ibrl);
  const {session} = bgp;
  for (const [index, lastError] of ['the kernel refuses 2 routes (ENOMEM)', ''].entries()) {
    bgp.session = name => {
      const found = session.call(bgp, name);
      return found && {...found, lastError};
    };
    const event = await told.nth('sessionChanged', index + 1);
    t.is(event.session?.lastError, lastError);
    t.is(event.tunnel?.state, 'up');
  }
  await delay(1200); // two more looks
  t.is(told.of('sessionChanged').length, 2);
});
