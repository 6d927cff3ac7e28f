// What the speaker does with the kernel, whoever sits on the other side: BIRD, for it is the quickest to start.

import {ipv4, prefix} from './peers/addresses.js';
import {laboratoryTest} from './peers/available.js';
import {bird} from './peers/bird.js';
import {deviceOptions, otherDeviceOptions} from './peers/device.js';
import {kernelHas, monitorRoutes} from './peers/kernel.js';
import {VethWorld} from './peers/veth-world.js';
import {eventually} from './peers/waiting.js';

const behaves = laboratoryTest(bird.programs);

const feed = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'];
const otherFeed = ['12.0.0.1/32', '12.0.1.0/24'];

behaves('no_install: learned routes are listed, and nothing touches the kernel', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce(feed);
  const monitor = await monitorRoutes(world);
  const from = monitor.lines.length;
  const host = await world.startHost();
  await host.addPeer({noInstall: true});
  await eventually('all is learned', async () => (await host.session()).routesReceived === feed.length);
  await device.withdraw(['11.0.0.1/32']);
  await eventually('the withdrawal has arrived', async () => (await host.session()).routesReceived === 2);
  t.deepEqual(
    (await host.routes()).map(({installed}) => installed),
    [false, false],
  );
  await host.deletePeer();
  // A route of our own after all that: what there was to be told has been told by then.
  await world.ip('host', 'route', 'add', 'unreachable', '198.18.0.2');
  await monitor.said(line => line.startsWith('unreachable 198.18.0.2'), 'the last notification', from);
  t.deepEqual(
    monitor.lines.slice(from).filter(line => /\b1[12]\.0\./.test(line)),
    [],
  );
});

behaves('no_uninstall: what is withdrawn or lost stays, until the peer is deleted', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce(feed);
  const host = await world.startHost();
  await host.addPeer({noUninstall: true});
  await kernelHas(world, feed);
  await device.withdraw(['11.0.0.1/32']);
  await eventually('the withdrawal has arrived', async () => (await host.session()).routesReceived === 2);
  device.program.signal('SIGTERM');
  await host.reaches('down');
  await kernelHas(world, feed);
  const again = await bird.start(world, deviceOptions);
  await again.announce(['11.0.0.9/32']);
  await kernelHas(world, [...feed, '11.0.0.9/32']);
  await host.deletePeer();
  t.deepEqual(await world.learned(), []);
});

behaves('edge filtering: routes are in table 100, and go from there with the session', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce(feed);
  const host = await world.startHost();
  await host.addPeer({table: 100});
  await kernelHas(world, feed, 100);
  t.deepEqual(await world.learned(), []);
  t.regex(
    (await world.learned(100)).join('\n'),
    /^11\.0\.0\.1 via 169\.254\.0\.0 dev doublezero0 proto 186 src 10\.99\.0\.1$/m,
  );
  device.program.signal('SIGKILL');
  await kernelHas(world, [], 100);
});

behaves('excluded destinations are neither installed nor deleted', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce([...feed, '11.0.1.128/25', '11.0.2.0/24']);
  await world.ip('host', 'route', 'add', '11.0.0.2', 'via', '169.254.0.0', 'proto', '186', 'src', '10.99.0.1');
  const host = await world.startHost({exclude: ['11.0.0.2/32', '11.0.1.0/24'].map(prefix)});
  await host.addPeer();
  await kernelHas(world, ['11.0.0.1/32', '11.0.0.2/32', '11.0.2.0/24']);
  t.is((await host.session()).routesReceived, 5);
  await device.withdraw(['11.0.0.1/32', '11.0.0.2/32']);
  await kernelHas(world, ['11.0.0.2/32', '11.0.2.0/24']);
  await host.deletePeer();
  await kernelHas(world, ['11.0.0.2/32']);
});

behaves('two sessions side by side do not disturb each other', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  const otherDevice = await bird.start(world, otherDeviceOptions);
  await device.announce(feed);
  await otherDevice.announce(otherFeed);
  const host = await world.startHost();
  await Promise.all([host.addPeer(), host.addOtherPeer()]);
  await kernelHas(world, [...feed, ...otherFeed]);
  t.regex((await world.learned()).join('\n'), /^12\.0\.0\.1 via 169\.254\.0\.2 dev doublezero1 /m);

  device.program.signal('SIGKILL');
  await host.reaches('down');
  await kernelHas(world, otherFeed);
  await bird.start(world, deviceOptions);
  await host.reaches('up', {from: host.now()});
  await host.deletePeer();
  await kernelHas(world, otherFeed);
  t.deepEqual(
    host.changes('doublezero1').map(({state}) => state),
    ['initializing', 'up'],
  );
  await host.deletePeer('doublezero1');
  await kernelHas(world, []);
  t.is(await host.dispose(), 0);
});

behaves('routes the kernel refuses are tried again until it takes them, and hold up no others', async t => {
  await using world = await VethWorld.open({local: false});
  const device = await bird.start(world, deviceOptions);
  const otherDevice = await bird.start(world, otherDeviceOptions);
  await device.announce(feed);
  await otherDevice.announce(otherFeed);
  const host = await world.startHost();
  await host.addPeer();
  await eventually('the kernel has refused', async () => (await host.session()).lastError !== '');
  const {routesReceived, routesInstalled, lastError} = await host.session();
  t.deepEqual({routesReceived, routesInstalled}, {routesReceived: 3, routesInstalled: 0});
  t.is(lastError, 'the kernel refuses 3 routes (EINVAL)');
  t.deepEqual(
    (await host.routes()).map(({installed}) => installed),
    [false, false, false],
  );

  await host.addOtherPeer({routeSource: ipv4('169.254.0.3')});
  await kernelHas(world, otherFeed);
  await world.addDoublezeroIp();
  await kernelHas(world, [...feed, ...otherFeed]);
  t.is((await host.session()).lastError, '');
  t.is((await host.session()).routesInstalled, 3);
});

behaves('a device that swallows calls is unreachable, and its session comes up once it answers', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce(feed);
  await world.ip('device', 'route', 'add', 'blackhole', '169.254.0.1'); // no answer finds its way back
  const host = await world.startHost({establishmentTime: 3000});
  await host.addPeer();
  const {lastError} = await host.reaches('unreachable');
  t.is(lastError, 'the peer does not answer');
  t.is((await host.session()).establishedTime, undefined);
  await world.ip('device', 'route', 'del', 'blackhole', '169.254.0.1');
  await host.reaches('up');
  await kernelHas(world, feed);
});

behaves('routes that a killed process left are taken over without a gap, and those not learned again go', async t => {
  await using world = await VethWorld.open();
  const device = await bird.start(world, deviceOptions);
  await device.announce(feed);
  const foreign = [
    ['13.0.0.1', 'via', '169.254.0.0', 'proto', 'static'],
    ['13.0.0.2', 'via', '169.254.0.0', 'proto', '186', 'table', '77'],
    ['13.0.0.3', 'via', '169.254.0.2', 'proto', '186'],
  ];
  for (const route of foreign) await world.ip('host', 'route', 'add', ...route);
  const first = await world.startHost();
  await first.addPeer();
  await kernelHas(world, [...feed, '13.0.0.3/32']);
  await first.kill();
  await device.withdraw(['11.0.0.2/32']);
  await kernelHas(world, [...feed, '13.0.0.3/32']);

  const monitor = await monitorRoutes(world);
  const from = monitor.lines.length;
  const second = await world.startHost();
  await second.addPeer({resumed: true});
  t.is((await second.session()).routesInstalled, 3);
  await second.reaches('up');
  await kernelHas(world, ['11.0.0.1/32', '11.0.1.0/24', '13.0.0.3/32']);
  await device.announce(['11.0.0.3/32']);
  await monitor.said(line => line.startsWith('11.0.0.3 '), 'the new route', from);
  const told = monitor.lines.slice(from).map(line => line.replace(/ via.*/, ''));
  t.deepEqual(told, ['Deleted 11.0.0.2', '11.0.0.3']);

  await second.deletePeer();
  await kernelHas(world, ['13.0.0.3/32']);
  await kernelHas(world, ['13.0.0.2/32'], 77);
  t.regex(await world.ip('host', 'route', 'show', '13.0.0.1'), /proto static/);
});
