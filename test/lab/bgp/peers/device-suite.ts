import {setTimeout as delay} from 'node:timers/promises';
import {doublezeroIp} from './addresses.js';
import {laboratoryTest} from './available.js';
import {type Device, deviceOptions} from './device.js';
import {kernelHas} from './kernel.js';
import {VethWorld} from './veth-world.js';
import {eventually} from './waiting.js';

const viaDevice = `via 169.254.0.0 dev doublezero0 proto 186 src ${doublezeroIp}`;
const feed = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'];
const feedInKernel = [`11.0.0.1 ${viaDevice}`, `11.0.0.2 ${viaDevice}`, `11.0.1.0/24 ${viaDevice}`];
const ours = `${doublezeroIp}/32`;

/** What every implementation that may sit on the other side has to agree to. */
export function deviceSuite(device: Device): void {
  const behaves = laboratoryTest(device.programs);

  behaves(
    `${device.name}: routes go both ways, and are gone when they are withdrawn or the peer is deleted`,
    async t => {
      await using world = await VethWorld.open();
      const running = await device.start(world, deviceOptions);
      await running.announce(feed);
      const host = await world.startHost();
      await host.addPeer();
      await host.reaches('up');
      t.is((await host.session()).holdTime, 3);

      await kernelHas(world, feed);
      t.deepEqual((await world.learned()).sort(), feedInKernel);
      await eventually('the device has our prefix', async () => (await running.learned(ours)) !== undefined);
      t.deepEqual(await running.learned(ours), {asPath: [65_000], nextHop: '169.254.0.1', origin: 'IGP'});

      await running.withdraw(['11.0.0.2/32']);
      await kernelHas(world, ['11.0.0.1/32', '11.0.1.0/24']);
      await running.announce(['11.0.0.2/32']);
      await kernelHas(world, feed);

      await host.deletePeer();
      t.deepEqual(await world.learned(), []);
      await eventually('the device has dropped our prefix', async () => (await running.learned(ours)) === undefined);
      t.regex(await running.lastNotification(), /de-?configured/i);
      t.is(await host.dispose(), 0);
    },
  );

  behaves(`${device.name}: the session and its routes come back after the device has restarted`, async t => {
    await using world = await VethWorld.open();
    const running = await device.start(world, deviceOptions);
    await running.announce(feed);
    const host = await world.startHost();
    await host.addPeer();
    await kernelHas(world, feed);

    const restart = host.now();
    running.program.signal('SIGTERM');
    const {lastError} = await host.reaches('down', {from: restart});
    t.regex(lastError, /peer sent NOTIFICATION: Cease|closed the connection|reset the connection/);
    await kernelHas(world, []);
    await running.program.ended();

    const again = await device.start(world, deviceOptions);
    await again.announce(['11.0.0.1/32', '11.0.0.9/32']);
    await host.reaches('up', {from: restart});
    await kernelHas(world, ['11.0.0.1/32', '11.0.0.9/32']);
    await eventually('the device has our prefix again', async () => (await again.learned(ours)) !== undefined);
  });

  behaves(
    `${device.name}: a device that freezes is given up after its hold time, and called again when it wakes`,
    async t => {
      await using world = await VethWorld.open();
      const running = await device.start(world, deviceOptions);
      await running.announce(feed);
      const host = await world.startHost();
      await host.addPeer();
      await kernelHas(world, feed);

      const frozen = host.now();
      const start = performance.now();
      running.program.signal('SIGSTOP');
      const {lastError} = await host.reaches('down', {from: frozen});
      const waited = performance.now() - start;
      t.regex(lastError, /^we sent NOTIFICATION: Hold Timer Expired \(4\/0\)/);
      // The hold time, less what had passed since the device's last KEEPALIVE, more what the machine has to do besides.
      // TCP would take a quarter of an hour.
      t.true(waited > 500 && waited < 20_000, `${waited} ms`);
      await kernelHas(world, []);
      running.program.signal('SIGCONT');
      await host.reaches('up', {from: frozen});
      await kernelHas(world, feed);
    },
  );

  interface WrongAs {
    readonly whose: string;
    readonly hostAsn?: number;
    readonly peerAsn?: number;
    readonly sender: string;
  }
  const wrong: WrongAs[] = [
    {whose: 'the device expects us in another AS', hostAsn: 65_009, sender: 'peer'},
    {whose: 'we expect the device in another AS', peerAsn: 65_009, sender: 'we'},
  ];
  for (const {whose, hostAsn, peerAsn, sender} of wrong) {
    behaves(`${device.name}: where ${whose}, no session comes up, and it is not called over and over`, async t => {
      await using world = await VethWorld.open();
      await device.start(world, {...deviceOptions, ...(hostAsn !== undefined && {hostAsn})});
      const host = await world.startHost();
      await host.addPeer(peerAsn === undefined ? {} : {peerAsn});
      const {lastError} = await host.reaches('down');
      t.regex(lastError, new RegExp(`^${sender} sent NOTIFICATION: OPEN Message Error / Bad Peer AS \\(2/2\\)`));
      const start = performance.now();
      await delay(5000);
      await eventually('it is called again', async () => (await world.connectionsTried('host')) >= 2);
      t.false(host.changes().some(({state}) => state === 'up'));
      const tries = await world.connectionsTried('host');
      // At most one a second, and those before the clock was started; without backing off it would be hundreds.
      const seconds = (performance.now() - start) / 1000;
      t.true(tries <= 2 + seconds, `${tries} tries in ${seconds} s`);
      t.is(await host.dispose(), 0);
    });
  }

  behaves(`${device.name}: AS numbers of four octets on both sides`, async t => {
    await using world = await VethWorld.open();
    const [asn, hostAsn] = [4_200_000_001, 4_200_000_002];
    const running = await device.start(world, {...deviceOptions, asn, hostAsn});
    await running.announce(feed);
    const host = await world.startHost();
    await host.addPeer({localAsn: hostAsn, peerAsn: asn});
    await kernelHas(world, feed);
    await eventually('the device has our prefix', async () => (await running.learned(ours)) !== undefined);
    t.deepEqual((await running.learned(ours))?.asPath, [hostAsn]);
    const [first] = (await host.routes()).filter(({installed}) => installed);
    t.deepEqual(first?.asPath, [asn]);
  });

  behaves(`${device.name}: 10,000 routes in and out again`, async t => {
    await using world = await VethWorld.open();
    const running = await device.start(world, deviceOptions);
    const host = await world.startHost();
    await host.addPeer();
    await host.reaches('up');
    const many = Array.from({length: 10_000}, (_, index) => `12.0.${index >> 8}.${index & 255}/32`);
    await running.announce(many);
    await kernelHas(world, many);
    const {routesInstalled, lastError} = await host.session();
    t.is(routesInstalled, 10_000);
    t.is(lastError, '');
    await running.withdraw(many);
    await kernelHas(world, []);
    t.deepEqual(
      host.changes().map(({state}) => state),
      ['initializing', 'up'],
    );
  });
}
