// Peers that send as fast as they are read, on the real kernel, beside a session with a hold time of 3 s. The bounds are
// what would cost that session, not what the speaker needs.
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {laboratoryTest} from './peers/available.js';
import {bird} from './peers/bird.js';
import {otherDeviceOptions} from './peers/device.js';
import type {HostOptions} from './peers/host.js';
import {VethWorld} from './peers/veth-world.js';
import {eventually} from './peers/waiting.js';

const behaves = laboratoryTest(bird.programs);

/** Longer than two hold times: whoever is not served meanwhile is gone. */
const floodTime = 7000;
const longestDelay = 2500;

type Manner = 'reannounce' | 'flap' | 'distinct';

async function openFlood(world: VethWorld, manner: Manner, options: HostOptions = {}) {
  const otherDevice = await bird.start(world, otherDeviceOptions);
  await otherDevice.announce(['13.0.0.1/32']);
  const host = await world.startHost(options);
  await host.addOtherPeer();
  await host.reaches('up', {tunnel: 'doublezero1'});
  const module = fileURLToPath(new URL('peers/flooder.js', import.meta.url));
  const flooder = world.start('device', process.execPath, module, '169.254.0.0', manner);
  await flooder.said(line => line === 'listening', 'the flooder listens');
  await host.addPeer();
  await host.reaches('up');
  return {host, flooder, otherDevice};
}

for (const manner of ['reannounce', 'flap'] as const) {
  const what = manner === 'flap' ? 'announces and withdraws 10,000 prefixes' : 'changes the path of 10,000 prefixes';
  behaves(`a peer that ${what} without end disturbs nobody, and its last word counts`, async t => {
    await using world = await VethWorld.open();
    const {host, flooder, otherDevice} = await openFlood(world, manner);
    await delay(floodTime);
    // Meanwhile the other session is not only up, but served.
    await otherDevice.announce(['13.0.0.2/32']);
    await eventually('the other session learns', async () => (await host.session('doublezero1')).routesInstalled === 2);
    flooder.write('');
    await flooder.said(line => line === 'done', 'the flood is over');
    await eventually('the last word has arrived', async () => {
      const {routesReceived, routesInstalled} = await host.session();
      return routesReceived === 10_001 && routesInstalled === 10_001;
    });
    t.is((await world.learned()).length, 10_003);
    const delayed = await host.longestDelay();
    t.true(delayed < longestDelay, `the event loop stood still for ${delayed} ms`);
    t.deepEqual(
      host.changes().map(({state}) => state),
      ['initializing', 'up'],
    );
    t.deepEqual(
      host.changes('doublezero1').map(({state}) => state),
      ['initializing', 'up'],
    );
  });
}

behaves('a peer that announces ever more prefixes is told off at the limit, and all of them go', async t => {
  await using world = await VethWorld.open();
  const {host, flooder} = await openFlood(world, 'distinct', {prefixLimit: 150_000});
  const {lastError} = await host.reaches('down');
  t.is(lastError, 'we sent NOTIFICATION: Cease / Maximum Number of Prefixes Reached (6/1): more than 150000 prefixes');
  await flooder.said(line => line === 'ended', 'the connection is closed');
  await eventually('the routes are gone', async () => (await host.session()).routesInstalled === 0);
  t.deepEqual(await world.learnedDestinations(), ['13.0.0.1']);
  const delayed = await host.longestDelay();
  t.true(delayed < longestDelay, `the event loop stood still for ${delayed} ms`);
  t.deepEqual(
    host.changes('doublezero1').map(({state}) => state),
    ['initializing', 'up'],
  );
});
