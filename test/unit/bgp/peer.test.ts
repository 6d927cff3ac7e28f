import {mock} from 'node:test';
import {setImmediate} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {createLogger, format, transports} from 'winston';
import type {BgpPeer} from '../../../src/bgp/bgp-speaker.js';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {Peer} from '../../../src/bgp/peer.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {PrefixSet} from '../../../src/ip/prefix-set.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import type {Netlinker, Route} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';
import {type Changes, prefix, update} from './updates.js';

const device = prefix('169.254.0.0/32').address;
const doublezeroIp = prefix('10.99.0.1/32').address;

const route = (destination: string, changes: Partial<Route> = {}): Route => ({
  destination: prefix(destination),
  gateway: device,
  source: doublezeroIp,
  interface: 'doublezero0',
  table: 254,
  protocol: 186,
  ...changes,
});

interface WorldOptions extends Partial<BgpPeer> {
  readonly exclude?: readonly string[];
  readonly prefixLimit?: number;
  readonly local?: boolean;
  /** What is in the kernel before the peer comes. */
  readonly routes?: readonly Route[];
  readonly wrap?: (netlinker: Netlinker) => Netlinker;
}

/** A peer over a model of the kernel, that is handed what its session would hand it: nobody calls anybody here. */
function openWorld({
  exclude = [],
  prefixLimit = 1000,
  local = true,
  routes = [],
  wrap = x => x,
  ...changes
}: WorldOptions = {}) {
  const model = new MemoryNetlinker({
    interfaces: ['doublezero0', 'doublezero1'].map((name, index) => ({
      name,
      mtu: 1476,
      up: true,
      addresses: [
        {...prefix(`169.254.0.${2 * index + 1}/31`), scope: 'link'},
        ...(local ? [{...prefix('10.99.0.1/32'), scope: 'universe' as const}] : []),
      ],
    })),
    routes,
  });
  const {netlinker, calls, fail} = recording(model);
  const lines: Record<string, unknown>[] = [];
  const collect = format(line => {
    lines.push({...line});
    return false;
  });
  const log = createLogger({format: collect(), transports: [new transports.Console()]});
  const config: BgpPeer = {
    tunnel: 'doublezero0',
    localAddress: prefix('169.254.0.1/32').address,
    peerAddress: device,
    localAsn: 65_000,
    peerAsn: 65_001,
    nlri: [],
    routeSource: doublezeroIp,
    table: 254,
    noInstall: false,
    noUninstall: false,
    resumed: false,
    ...changes,
  };
  const excluded = new PrefixSet(exclude.map(prefix));
  const peer = new Peer(config, {
    netlinker: wrap(netlinker),
    excluded,
    port: 179,
    prefixLimit,
    log,
    onChange: () => {},
  });
  return {
    peer,
    model,
    fail,
    lines,
    calls: () => calls.splice(0),
    learn: (changes: Omit<Changes, 'nextHop'> & Partial<Changes>) => peer.learn(update({nextHop: device, ...changes})),
    /** What the kernel has with the protocol of BGP, when all is settled: the model works without waiting for anything. */
    async kernel() {
      await setImmediate();
      return (await model.routes({protocol: 186})).map(({destination}) => formatPrefix(destination)).sort();
    },
    [Symbol.asyncDispose]: () => peer.abandon(),
    listed: () => peer.routes({limit: 100}).map(({prefix, installed}) => `${formatPrefix(prefix)} ${installed}`),
  };
}

const endOfRib = {};

test('learned routes are in the kernel through the tunnel, from the address that was configured', async t => {
  await using world = openWorld();
  const {learn, kernel, model, peer} = world;
  learn({announce: ['11.0.0.1/32', '11.0.1.0/24'], path: [65_001, 65_002]});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.1.0/24']);
  t.deepEqual(await model.routes({protocol: 186}), [route('11.0.0.1/32'), route('11.0.1.0/24')]);
  t.deepEqual(peer.routes({limit: 1}), [
    {
      prefix: prefix('11.0.0.1/32'),
      nextHop: device,
      source: doublezeroIp,
      table: 254,
      installed: true,
      asPath: [65_001, 65_002],
    },
  ]);
  const {routesReceived, routesInstalled, lastError} = peer.status();
  t.deepEqual({routesReceived, routesInstalled, lastError}, {routesReceived: 2, routesInstalled: 2, lastError: ''});
  learn({withdraw: ['11.0.0.1/32']});
  t.deepEqual(await kernel(), ['11.0.1.0/24']);
});

test('edge filtering has them in a table of their own', async t => {
  await using world = openWorld({table: 100});
  const {learn, kernel, model} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  t.deepEqual(await model.routes({table: 100}), [route('11.0.0.1/32', {table: 100})]);
});

test('a prefix that one message both withdraws and announces stays', async t => {
  await using world = openWorld();
  const {learn, kernel} = world;
  learn({announce: ['11.0.0.1/32']});
  learn({withdraw: ['11.0.0.1/32'], announce: ['11.0.0.1/32', '11.0.0.2/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

test('a next hop that is not on the tunnel is refused, counted, and takes back what was there', async t => {
  await using world = openWorld();
  const {learn, kernel, peer, lines} = world;
  learn({announce: ['11.0.0.1/32']});
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32'], nextHop: prefix('192.0.2.9/32').address});
  t.deepEqual(await kernel(), []);
  t.is(peer.status().lastError, '2 routes were not taken: their next hop is not the peer');
  t.is(peer.status().routesReceived, 0);
  t.like(
    lines.find(line => line.message === 'bgp.updates_faulty'),
    {tunnel: 'doublezero0', refused: 2},
  );
  peer.lost();
  t.is(peer.status().lastError, '');
});

test('a session that is lost takes its routes with it, and no others', async t => {
  const others = [
    route('12.0.0.1/32', {gateway: prefix('169.254.0.2/32').address, interface: 'doublezero1'}),
    route('12.0.0.2/32', {protocol: 4}),
    route('12.0.0.3/32', {table: 100}),
  ];
  await using world = openWorld({routes: others});
  const {learn, kernel, peer, model} = world;
  learn({announce: ['11.0.0.1/32', '11.0.1.0/24']});
  await kernel();
  peer.lost();
  t.deepEqual(await kernel(), ['12.0.0.1/32', '12.0.0.3/32']);
  t.is((await model.routes({protocol: 4})).length, 1);
  t.is(peer.status().routesReceived, 0);
});

test('with no_install nothing touches the kernel, and the routes are listed all the same', async t => {
  await using world = openWorld({noInstall: true, routes: [route('11.0.0.9/32')]});
  const {learn, peer, calls, listed} = world;
  await peer.start();
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({withdraw: ['11.0.0.2/32']});
  learn(endOfRib);
  t.deepEqual(listed(), ['11.0.0.1/32 false']);
  peer.lost();
  await peer.stop();
  t.deepEqual(calls(), []);
});

test('with no_uninstall withdrawals and the loss of the session leave the kernel alone, and only the end does not', async t => {
  await using world = openWorld({noUninstall: true});
  const {learn, peer, kernel} = world;
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({withdraw: ['11.0.0.2/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  peer.lost();
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  learn({announce: ['11.0.0.1/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('excluded destinations are learned, but never installed or deleted', async t => {
  const own = route('11.0.0.7/32');
  await using world = openWorld({exclude: ['11.0.0.7/32', '11.0.1.0/24'], routes: [own]});
  const {learn, peer, kernel, listed} = world;
  await peer.start();
  learn({announce: ['11.0.0.1/32', '11.0.0.7/32', '11.0.1.0/24', '11.0.1.128/25', '11.0.0.0/16']});
  learn(endOfRib);
  t.deepEqual(await kernel(), ['11.0.0.0/16', '11.0.0.1/32', '11.0.0.7/32']);
  t.deepEqual(listed(), [
    '11.0.0.0/16 true',
    '11.0.0.1/32 true',
    '11.0.0.7/32 false',
    '11.0.1.0/24 false',
    '11.0.1.128/25 false',
  ]);
  learn({withdraw: ['11.0.0.1/32', '11.0.0.7/32']});
  peer.lost();
  await peer.stop();
  t.deepEqual(await kernel(), ['11.0.0.7/32']);
});

test('what we advertise and the device sends back is listed, but leads nowhere in the kernel', async t => {
  await using world = openWorld({nlri: [prefix('10.99.0.1/32')], routes: [route('10.99.0.1/32')]});
  const {peer, learn, kernel, listed} = world;
  await peer.start();
  learn({announce: ['10.99.0.1/32', '11.0.0.1/32'], path: [65_001, 65_000]});
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
  t.deepEqual(listed(), ['10.99.0.1/32 false', '11.0.0.1/32 true']);
});

test('a route the kernel refuses is said to be, with the reason, for as long as it is', async t => {
  await using world = openWorld({local: false});
  const {learn, peer, kernel, listed} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  t.is(peer.status().lastError, 'the kernel refuses 1 routes (EINVAL)');
  t.deepEqual(listed(), ['11.0.0.1/32 false']);
  const {routesReceived, routesInstalled} = peer.status();
  t.deepEqual({routesReceived, routesInstalled}, {routesReceived: 1, routesInstalled: 0});
  learn({withdraw: ['11.0.0.1/32']});
  t.is(peer.status().lastError, '');
  await peer.stop();
});

test('a peer that advertises more than the limit is told so', async t => {
  await using world = openWorld({prefixLimit: 2});
  const {learn, peer} = world;
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
  const error = t.throws(() => learn({announce: ['11.0.0.3/32']}), {instanceOf: BgpError});
  t.deepEqual([error?.code, error?.subcode, error?.message], [6, 1, 'more than 2 prefixes']);
  peer.lost();
  t.is(peer.status().routesReceived, 0);
});

test('a peer whose paths are long beyond measure, all in all, is told so', async t => {
  await using world = openWorld({prefixLimit: 2});
  const {learn} = world;
  const path = (length: number) => Array.from({length}, () => 65_001);
  learn({announce: ['11.0.0.1/32', '11.0.0.2/32'], path: path(16)});
  const error = t.throws(() => learn({announce: ['11.0.0.1/32'], path: path(17)}), {instanceOf: BgpError});
  t.deepEqual([error?.code, error?.subcode, error?.message], [6, 8, 'AS paths of more than 32 ASes in all']);
});

const leftBehind = [route('11.0.0.1/32'), route('11.0.0.2/32'), route('11.0.1.0/24')];

test('routes of a former run stay untouched until the end-of-RIB, and those learned again for good', async t => {
  await using world = openWorld({routes: leftBehind, resumed: true});
  const {peer, learn, kernel, calls} = world;
  await peer.start();
  t.is(peer.status().routesInstalled, 3);
  learn({announce: ['11.0.0.1/32', '11.0.0.3/32']});
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32', '11.0.0.3/32', '11.0.1.0/24']);
  learn(endOfRib);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.3/32']);
  t.deepEqual(
    calls().map(call => call.replace(/ via .*/, '')),
    ['routesReplace 11.0.0.3/32', 'routesDelete 11.0.0.2/32', 'routesDelete 11.0.1.0/24'],
  );
  await peer.stop();
});

test('with no_uninstall routes of a former run stay until the end, learned again or not, as it would have kept them', async t => {
  await using world = openWorld({routes: leftBehind, noUninstall: true, resumed: true});
  const {peer, learn, kernel} = world;
  const left = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'];
  await peer.start();
  learn({announce: ['11.0.0.1/32']});
  learn(endOfRib);
  t.deepEqual(await kernel(), left);
  const {routesReceived, routesInstalled} = peer.status();
  t.deepEqual({routesReceived, routesInstalled}, {routesReceived: 1, routesInstalled: 3});
  peer.lost();
  t.deepEqual(await kernel(), left);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('routes that only look like ours are not taken over', async t => {
  const foreign = [
    route('12.0.0.1/32', {protocol: 4}),
    route('12.0.0.2/32', {table: 100}),
    route('12.0.0.3/32', {gateway: prefix('169.254.0.2/32').address, interface: 'doublezero1'}),
  ];
  await using world = openWorld({routes: [...leftBehind, ...foreign], resumed: true});
  const {peer, learn, kernel, model} = world;
  await peer.start();
  learn(endOfRib);
  await kernel();
  await peer.stop();
  const left = await model.routes();
  for (const route of foreign)
    t.true(left.some(other => formatPrefix(other.destination) === formatPrefix(route.destination)));
  t.is(left.length, foreign.length + 2); // and what the addresses brought
});

test('routes of a former run from another address are gone from the start', async t => {
  const old = prefix('169.254.0.1/32').address;
  await using world = openWorld({routes: [route('11.0.0.1/32'), route('11.0.0.2/32', {source: old})]});
  const {peer, kernel, model} = world;
  await peer.start();
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
  t.deepEqual(await model.routes({protocol: 186}), [route('11.0.0.1/32')]);
  await peer.stop();
  t.deepEqual(await kernel(), []);
});

test('routes of a former run go with the session that was to confirm them', async t => {
  await using world = openWorld({routes: leftBehind});
  const {peer, learn, kernel} = world;
  await peer.start();
  peer.gained();
  learn({announce: ['11.0.0.1/32']});
  peer.lost();
  t.deepEqual(await kernel(), []);
  await peer.stop();
});

test('a peer that is deleted while it takes over leaves nothing behind', async t => {
  let letThrough = () => {};
  const gate = new Promise<void>(resolve => {
    letThrough = resolve;
  });
  const slow = (netlinker: Netlinker): Netlinker => ({
    ...netlinker,
    async routes(filter) {
      await gate;
      return netlinker.routes(filter);
    },
  });
  await using world = openWorld({routes: leftBehind, wrap: slow});
  const {peer, kernel} = world;
  const started = peer.start();
  const stopped = peer.stop();
  letThrough();
  await Promise.all([started, stopped]);
  t.deepEqual(await kernel(), []);
  t.is(peer.status().state, 'pending');
  t.is(peer.status().lastError, ''); // it has not called anybody
});

test('a peer that is abandoned leaves the kernel as it is', async t => {
  await using world = openWorld();
  const {peer, learn, kernel} = world;
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  await peer.abandon();
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
});

/** Time passes when the body says so. For serial tests: there is one clock. */
const inItsTime = test.macro(
  async (t, body: (t: ExecutionContext, pass: (seconds: number) => void) => Promise<void>) => {
    mock.timers.enable({apis: ['setTimeout']});
    t.teardown(() => mock.timers.reset());
    await body(t, seconds => mock.timers.tick(seconds * 1000));
  },
);

test.serial(
  'routes of a former run wait two minutes for a session, and two more for its end-of-RIB',
  inItsTime,
  async (t, pass) => {
    await using world = openWorld({routes: leftBehind});
    const {peer, kernel} = world;
    await peer.start();
    pass(119);
    t.is((await kernel()).length, 3);
    peer.gained();
    pass(119);
    t.is((await kernel()).length, 3);
    pass(1);
    t.deepEqual(await kernel(), []);
    await peer.stop();
  },
);

test.serial('routes of a former run go after two minutes without a session', inItsTime, async (t, pass) => {
  await using world = openWorld({routes: leftBehind});
  const {peer, kernel} = world;
  await peer.start();
  pass(120);
  t.deepEqual(await kernel(), []);
  await peer.stop();
});

test.serial('a flood of faulty UPDATEs is a line a second in the log', inItsTime, async (t, pass) => {
  await using world = openWorld();
  const {peer, lines} = world;
  const faulty = {
    ...update({nextHop: device}),
    treatAsWithdraw: new BgpError(3, 6, 'ORIGIN 7'),
    discarded: ['too long'],
  };
  const told = () => lines.splice(0).map(({malformed, discarded, error}) => ({malformed, discarded, error}));
  for (let count = 0; count < 10_000; count++) peer.learn(faulty);
  t.deepEqual(told(), [{malformed: 1, discarded: 1, error: 'ORIGIN 7'}]);
  pass(1);
  t.deepEqual(told(), [{malformed: 9999, discarded: 9999, error: 'ORIGIN 7'}]);
  pass(10);
  t.deepEqual(told(), []);
  peer.learn(faulty);
  t.is(told().length, 1);
  peer.learn(faulty);
  await peer.stop();
  t.is(told().length, 1); // nothing is kept back at the end
});

test.serial('a flapping route is a line a second in the log, with all that was done', inItsTime, async (t, pass) => {
  await using world = openWorld();
  const {peer, learn, kernel, lines} = world;
  const told = () => lines.splice(0).map(({level, added, deleted}) => ({level, added, deleted}));
  for (let flap = 0; flap < 100; flap++) {
    learn({announce: ['11.0.0.1/32']});
    await kernel();
    learn({withdraw: ['11.0.0.1/32']});
    await kernel();
  }
  t.deepEqual(told(), [{level: 'info', added: 1, deleted: 0}]);
  pass(1);
  t.deepEqual(told(), [{level: 'info', added: 99, deleted: 100}]);
  await peer.stop();
});

test.serial('the reason of a refusal is still known after other routes went well', inItsTime, async t => {
  await using world = openWorld();
  const {learn, peer, kernel, fail} = world;
  fail('routesReplace', 1, 'ENOBUFS');
  learn({announce: ['11.0.0.1/32']});
  await kernel();
  learn({announce: ['11.0.0.2/32']});
  t.deepEqual(await kernel(), ['11.0.0.2/32']);
  t.is(peer.status().lastError, 'the kernel refuses 1 routes (ENOBUFS)');
  await peer.stop();
});

test.serial(
  'what is no answer of the kernel ends nothing, is told once, and the routes are tried again',
  inItsTime,
  async (t, pass) => {
    let broken = true;
    const fails = (netlinker: Netlinker): Netlinker => ({
      ...netlinker,
      routesReplace: async routes => {
        if (broken) throw new TypeError('not a route');
        return netlinker.routesReplace(routes);
      },
    });
    await using world = openWorld({wrap: fails});
    const {learn, peer, kernel, lines} = world;
    learn({announce: ['11.0.0.1/32', '11.0.0.2/32']});
    t.deepEqual(await kernel(), []);
    t.is(peer.status().lastError, 'the kernel refuses 2 routes (EIO)');
    pass(1);
    await kernel();
    t.deepEqual(
      lines.filter(({level}) => level === 'error').map(({message, error}) => ({message, error})),
      [{message: 'bgp.routes_failed', error: 'TypeError: not a route'}],
    );
    broken = false;
    pass(2);
    t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
    t.is(peer.status().lastError, '');
    await peer.stop();
  },
);
