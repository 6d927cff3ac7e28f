import test from 'ava';
import {type GracefulRestartCapability, ipv4Unicast} from '../../../src/bgp/codec/capability.js';
import {encodeKeepalive} from '../../../src/bgp/codec/message-header.js';
import {cease, encodeNotification} from '../../../src/bgp/codec/notification.js';
import {capabilitiesOf, decodeOpen} from '../../../src/bgp/codec/open.js';
import {encodeEndOfRib} from '../../../src/bgp/codec/update-encode.js';
import {gracefulRestartIn, isFinal} from '../../../src/bgp/graceful-restart.js';
import {openWorld, prefix, type World} from './loopback-world.js';
import type {Call} from './scripted-peer.js';

/** What a device offers that helps restarting peers. */
const offer: GracefulRestartCapability = {
  kind: 'graceful-restart',
  restarted: false,
  notification: true,
  restartTime: 120,
  families: [{...ipv4Unicast, forwardingPreserved: false}],
};

/** The rest of the handshake after our OPEN; the device offers this. */
async function accept(world: World, call: Call, ...offers: GracefulRestartCapability[]): Promise<Call> {
  const capabilities = [...capabilitiesOf(call.open), ...offers];
  call.sendOpen({optionalParameters: [{kind: 'capabilities', capabilities}]});
  call.send(encodeKeepalive());
  await world.reaches('up');
  return call;
}

async function flagsIn(call: Call): Promise<string> {
  const ours = gracefulRestartIn(capabilitiesOf(decodeOpen(await call.next('open'))));
  return `R${Number(ours?.restarted)} F${Number(ours?.families[0]?.forwardingPreserved)}`;
}

const flags = test.macro({
  title: (_given, resumed: boolean) =>
    resumed
      ? 'a peer hears of a restart until a session stands, and all along that nothing was lost'
      : 'the peer of a fresh tunnel hears of no restart, and that nothing was lost only after a session',
  async exec(t, resumed: boolean, expected: readonly string[]) {
    await using world = await openWorld();
    const first = await world.call({resumed});
    const seen = [await flagsIn(first)];
    const again = world.device.call();
    first.send(encodeNotification(cease(4)));
    const second = await again;
    seen.push(await flagsIn(second));
    await accept(world, second, offer);
    const third = world.device.call();
    second.reset();
    seen.push(await flagsIn(await third));
    t.deepEqual(seen, expected);
  },
});
test(flags, true, ['R1 F1', 'R1 F1', 'R0 F1']);
test(flags, false, ['R0 F0', 'R0 F0', 'R0 F1']);

test('a peer hears of no restart where the former run advertised another address', async t => {
  await using world = await openWorld();
  const {tunnel, table, peerAddress} = world.peer();
  const learned = {table, protocol: 186, gateway: peerAddress, interface: tunnel, destination: prefix('11.0.0.1/32')};
  await world.model.routesReplace([{...learned, source: world.peer().localAddress}]);
  t.is(await flagsIn(await world.call({resumed: true})), 'R0 F0');
});

test('of several capabilities of a peer the last counts', async t => {
  await using world = await openWorld();
  const call = await accept(world, await world.call(), offer, {...offer, notification: false});
  const deleted = world.speaker.deletePeer('doublezero0');
  t.deepEqual(await call.next('notification'), Uint8Array.of(6, 3));
  await deleted;
});

const saysGoodbye = test.macro({
  title: given => `a peer ${given} hears a deletion as one that leaves nothing`,
  async exec(t, offers: readonly GracefulRestartCapability[], notification: readonly number[]) {
    await using world = await openWorld();
    const call = await accept(world, await world.call(), ...offers);
    const deleted = world.speaker.deletePeer('doublezero0');
    t.deepEqual(await call.next('notification'), Uint8Array.from(notification));
    await deleted;
    await call.ended();
  },
});
test('that knows no graceful restart', saysGoodbye, [], [6, 3]);
test('that is graceful, but not about NOTIFICATIONs', saysGoodbye, [{...offer, notification: false}], [6, 3]);
test('that is graceful about NOTIFICATIONs', saysGoodbye, [offer], [6, 9, 6, 3]);

test('an error is got over gracefully: it is no Hard Reset', async t => {
  await using world = await openWorld();
  const call = await accept(world, await world.call(), offer);
  const update = encodeEndOfRib();
  update[20] = 99; // withdrawn routes that would end beyond the message
  call.send(update);
  t.deepEqual((await call.next('notification')).slice(0, 2), Uint8Array.of(3, 1));
});

test('a peer that goes silent is not told off for good', async t => {
  await using world = await openWorld({holdTime: 3});
  const call = await accept(world, await world.call(), offer);
  t.deepEqual(await call.next('notification'), Uint8Array.of(4, 0));
});

test('what is wrong for good is told from what passes', t => {
  const data = new Uint8Array();
  const final = Array.from({length: 11}, (_, subcode) => subcode).filter(subcode => isFinal({code: 6, subcode, data}));
  t.deepEqual(final, [1, 2, 3]);
  t.false(isFinal({code: 3, subcode: 1, data}));
});

test('a daemon that keeps its tunnels leaves without a word', async t => {
  await using world = await openWorld();
  const call = await accept(world, await world.call(), offer);
  await world.speaker[Symbol.asyncDispose]();
  await t.throwsAsync(call.next('notification'), {message: /ended the connection without another notification/});
});
