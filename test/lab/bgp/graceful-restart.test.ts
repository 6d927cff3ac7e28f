// Devices that help a restarting host, those that do not, and how they take a teardown.
import {setTimeout as delay} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {laboratoryTest} from './peers/available.js';
import {restartDevices} from './restart-devices.js';
import {lostPackets, RestartWorld} from './restart-world.js';

const second = () => delay(1000);

/** A stale route would stay for two minutes. How much sooner it goes is the machine's affair, and in the log. */
async function isGoneAtOnce(t: ExecutionContext, world: RestartWorld) {
  const since = world.now();
  const start = performance.now();
  const deleted = world.deletePeer();
  await world.deviceSays('isGone', since);
  const took = Math.round(performance.now() - start);
  await deleted;
  t.true(took < 30_000, `${took} ms`);
  t.log(`the device let go ${took} ms after the teardown began`);
}

for (const kind of restartDevices) {
  const {name, programs} = kind.device;
  const behaves = laboratoryTest([...programs, 'ping']);

  for (const help of kind.helps) {
    behaves(`${name} with ${help} keeps sending through crash and upgrade, and stops at a teardown`, async t => {
      await using world = await RestartWorld.open(kind, help);
      const since = world.now();
      const traffic = await world.startTraffic();
      await world.kill();
      await second(); // nobody is there
      await world.succeed();
      await second(); // whatever follows from end-of-RIB has happened
      await world.leave();
      await second();
      await world.succeed();
      await second();
      t.is(await lostPackets(traffic), 0, 'packets lost');
      t.deepEqual(world.losses(since), []);
      await isGoneAtOnce(t, world);
    });
  }

  behaves(`${name} without help lets go of us until the session is back`, async t => {
    await using world = await RestartWorld.open(kind, 'none');
    const traffic = await world.startTraffic();
    const since = world.now();
    await world.kill();
    const start = performance.now();
    const back = world.succeed().then(() => performance.now() - start);
    await world.deviceSays('isGone', since);
    const goneSince = performance.now();
    await world.deviceSays('isThere', since);
    const gone = performance.now() - goneSince;
    const session = await back;
    await second();
    const lost = await lostPackets(traffic);
    if (kind.forwards) t.true(lost > 0);
    t.is(world.losses(since).length, 1, 'the host keeps what it has, the device lets go once');
    const packets = kind.forwards ? `, ${lost} packets of 50 a second lost` : '';
    t.log(`session after ${Math.round(session)} ms, route away for ${Math.round(gone)} ms${packets}`);
    await isGoneAtOnce(t, world);
  });
}
