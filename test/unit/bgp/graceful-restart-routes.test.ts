import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {prefixList} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeAnnouncements, encodeEndOfRib} from '../../../src/bgp/codec/update-encode.js';
import {Peer} from '../../../src/bgp/peer.js';
import {StaleRoutes} from '../../../src/bgp/stale-routes.js';
import {formatPrefix, ipv4} from '../../../src/ip/ipv4.js';
import {prefixKey} from '../../../src/ip/prefix-key.js';
import {PrefixSet} from '../../../src/ip/prefix-set.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {recording} from '../../../src/netlink/recording.js';
import {silentLogger} from '../../world.js';
import {eventually, prefix} from './loopback-world.js';

const [local, remote] = [ipv4(0xa9fe0001), ipv4(0xa9fe0000)];
const former = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'];

/** A peer whose routes of a former run are in the kernel; its session is played by the test. */
async function resume({noUninstall = false} = {}) {
  const model = new MemoryNetlinker({
    interfaces: [{name: 'doublezero0', mtu: 1476, up: true, addresses: [{address: local, length: 31, scope: 'link'}]}],
    routes: [],
  });
  const common = {table: 254, protocol: 186, gateway: remote, source: undefined, interface: 'doublezero0'};
  await model.routesReplace(former.map(text => ({...common, destination: prefix(text)})));
  const kernel = recording(model);
  const config = {localAddress: local, peerAddress: remote, localAsn: 65_000, peerAsn: 65_001, nlri: [], table: 254};
  const peer = new Peer(
    {...config, tunnel: 'doublezero0', noInstall: false, noUninstall, resumed: true},
    // Nobody is called: the local address is on no interface of this machine.
    {
      netlinker: kernel.netlinker,
      excluded: new PrefixSet([]),
      port: 9,
      prefixLimit: 10,
      log: silentLogger(),
      onChange: () => undefined,
    },
  );
  await peer.start();
  const routes = async () => (await model.routes({protocol: 186})).map(route => formatPrefix(route.destination)).sort();
  return {
    peer,
    calls: kernel.calls,
    routes,
    announce(...texts: string[]) {
      const attributes = {origin: 'IGP', asPath: [{type: 'AS_SEQUENCE', numbers: [65_001]}], nextHop: remote} as const;
      for (const message of encodeAnnouncements(attributes, prefixList(texts.map(prefix)), 4))
        peer.learn(decodeUpdate(message.subarray(19), {asWidth: 4, external: true}));
    },
    endOfRib: () => peer.learn(decodeUpdate(encodeEndOfRib().subarray(19), {asWidth: 4, external: true})),
    /** Resolves when no more than this is in the kernel. */
    async settles(count: number) {
      await eventually('the routes to settle', () => peer.status().routesInstalled === count);
      await eventually('the kernel to follow', () => kernel.calls.length === former.length - count);
      return routes();
    },
    [Symbol.asyncDispose]: () => peer.abandon(),
  };
}

test('routes of a former run stay untouched until the end-of-RIB', async t => {
  await using world = await resume();
  world.peer.gained();
  world.announce('11.0.0.1/32');
  world.announce('11.0.1.0/24');
  t.deepEqual(await world.routes(), former);
  t.deepEqual(world.calls, []);
  world.endOfRib();
  t.deepEqual(await world.settles(2), ['11.0.0.1/32', '11.0.1.0/24']);
  t.regex(world.calls.join(), /^routesDelete 11\.0\.0\.2\/32 [^,]*$/);
});

test('a session that is lost takes along what was not learned again yet', async t => {
  await using world = await resume();
  world.peer.gained();
  world.announce('11.0.0.1/32');
  world.peer.lost();
  t.deepEqual(await world.settles(0), []);
});

test('where nothing is ever uninstalled, neither the end-of-RIB nor a lost session changes that', async t => {
  await using world = await resume({noUninstall: true});
  world.peer.gained();
  world.announce('11.0.0.1/32');
  world.endOfRib();
  world.peer.lost();
  t.deepEqual(await world.routes(), former);
  t.deepEqual(world.calls, []);
});

test('routes of a former run wait no longer than they are told to, counted from the last time', async t => {
  const key = prefixKey(ipv4(0x0b000001), 32);
  const learned = prefixKey(ipv4(0x0b000002), 32);
  const dropped = await new Promise(resolve => {
    const stale = new StaleRoutes(resolve);
    stale.add(key);
    stale.add(learned);
    stale.dropAfter(600_000);
    stale.learned([learned]);
    stale.dropAfter(10);
  });
  t.deepEqual(dropped, [key]);
});

test('routes that are kept for a successor are never dropped', async t => {
  const stale = new StaleRoutes(() => t.fail());
  stale.add(prefixKey(ipv4(0x0b000001), 32));
  stale.dropAfter(5);
  stale.keep();
  await delay(30); // that nothing happens cannot be awaited
  t.is(stale.size, 1);
});
