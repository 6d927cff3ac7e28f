import {mock} from 'node:test';
import test, {type ExecutionContext} from 'ava';
import {type InstallSummary, RouteInstaller} from '../../../src/bgp/route-installer.js';
import {formatPrefix, type Ipv4Prefix, parsePrefix} from '../../../src/ip/ipv4.js';
import {type PrefixKey, prefixKey} from '../../../src/ip/prefix-key.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import type {Netlinker, Route} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';
import {refusal} from '../../../src/netlink/refusal.js';

const prefix = (text: string): Ipv4Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
};
const key = (text: string): PrefixKey => prefixKey(prefix(text).address, prefix(text).length);

const [one, two, three] = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'].map(key) as [PrefixKey, PrefixKey, PrefixKey];

const template: Omit<Route, 'destination'> = {
  interface: 'doublezero0',
  gateway: prefix('169.254.0.0/32').address,
  source: prefix('10.99.0.1/32').address,
  table: 254,
  protocol: 186,
};

/** `closeGate` holds calls up before they reach the kernel; the function it returns lets them through. */
function openWorld({local = true} = {}) {
  const model = new MemoryNetlinker({
    interfaces: [
      {
        name: 'doublezero0',
        mtu: 1476,
        up: true,
        addresses: [
          {...prefix('169.254.0.1/31'), scope: 'link'},
          ...(local ? [{...prefix('10.99.0.1/32'), scope: 'universe' as const}] : []),
        ],
      },
    ],
    routes: [],
  });
  const {netlinker: recorded, calls, fail} = recording(model);
  let gate = Promise.resolve();
  const netlinker: Netlinker = {
    ...recorded,
    async routesReplace(routes) {
      await gate;
      return recorded.routesReplace(routes);
    },
    async routesDelete(routes) {
      await gate;
      return recorded.routesDelete(routes);
    },
  };
  const summaries: Omit<InstallSummary, 'duration'>[] = [];
  const faults: unknown[] = [];
  const installer = new RouteInstaller({
    netlinker,
    template,
    onSettled: ({duration, ...summary}) => summaries.push(summary),
    onFault: error => faults.push(error),
  });
  return {
    installer,
    netlinker,
    model,
    fail,
    summaries,
    faults,
    /** What was asked of the kernel: `+` to add, `-` to delete. */
    calls: () =>
      calls
        .splice(0)
        .map(call => call.replace(/^routes(\w)\w+ (\S+) .*/, (_, kind, to) => (kind === 'R' ? '+' : '-') + to)),
    /** What the kernel has of it. */
    kernel: async () => (await model.routes({protocol: 186})).map(route => formatPrefix(route.destination)).sort(),
    closeGate() {
      let letThrough = () => {};
      gate = new Promise(resolve => {
        letThrough = resolve;
      });
      return () => letThrough();
    },
  };
}

type World = ReturnType<typeof openWorld>;

test('routes are added with all that the peer has in common, and deleted', async t => {
  const {installer, model, kernel, summaries} = openWorld();
  installer.add([one, three]);
  await installer.settled();
  t.deepEqual(await model.routes({protocol: 186}), [
    {...template, destination: prefix('11.0.0.1/32')},
    {...template, destination: prefix('11.0.1.0/24')},
  ]);
  t.is(installer.installed, 2);
  installer.remove([three]);
  await installer.settled();
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
  t.true(installer.has(one) && !installer.has(three));
  t.deepEqual(summaries, [
    {added: 2, deleted: 0, refused: 0, errno: ''},
    {added: 0, deleted: 1, refused: 0, errno: ''},
  ]);
});

test('a route that is there already is not added again', async t => {
  const {installer, calls} = openWorld();
  installer.add([one]);
  await installer.settled();
  calls();
  for (let repeat = 0; repeat < 1000; repeat++) installer.add([one, one]);
  await installer.settled();
  t.deepEqual(calls(), []);
});

test('what is asked for while the kernel works is brought about afterwards, the last word on each prefix alone', async t => {
  const {installer, calls, kernel, closeGate, summaries} = openWorld();
  const letThrough = closeGate();
  installer.add([one]);
  for (let flap = 0; flap < 100; flap++) {
    installer.add([two, three]);
    installer.remove([two]);
  }
  letThrough();
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.1/32', '+11.0.1.0/24']);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.1.0/24']);
  t.is(summaries.length, 1);
});

test('a change of mind while the route is on its way is carried out behind it', async t => {
  const {installer, calls, kernel, closeGate} = openWorld();
  const letThrough = closeGate();
  installer.add([one, two]);
  installer.remove([one]);
  letThrough();
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.1/32', '+11.0.0.2/32', '-11.0.0.1/32']);
  t.deepEqual(await kernel(), ['11.0.0.2/32']);
});

test('a change of mind and back while the route is on its way needs nothing more', async t => {
  const {installer, calls, closeGate} = openWorld();
  const letThrough = closeGate();
  installer.add([one]);
  installer.remove([one]);
  installer.add([one]);
  letThrough();
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.1/32']);
  t.true(installer.has(one));
});

test('a withdrawal that is taken back while the kernel deletes adds the route again', async t => {
  const {installer, calls, kernel, closeGate} = openWorld();
  installer.add([one]);
  await installer.settled();
  const letThrough = closeGate();
  installer.remove([one]);
  installer.add([one]);
  letThrough();
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.1/32', '-11.0.0.1/32', '+11.0.0.1/32']);
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
});

test('many routes go to the kernel in portions, each once', async t => {
  const {installer, netlinker, kernel} = openWorld();
  const sizes: number[] = [];
  const {routesReplace} = netlinker;
  netlinker.routesReplace = routes => {
    sizes.push(routes.length);
    return routesReplace(routes);
  };
  installer.add(Array.from({length: 2500}, (_, index) => one + 64 * index));
  await installer.settled();
  t.is((await kernel()).length, 2500);
  t.true(sizes.length > 2 && Math.max(...sizes) <= 1024, sizes.join());
  t.is(
    sizes.reduce((sum, size) => sum + size),
    2500,
  );
});

test('a route that was gone before it was deleted is no refusal', async t => {
  const {installer, model, summaries} = openWorld();
  installer.add([one, two]);
  await installer.settled();
  await model.routesDelete([{...template, destination: prefix('11.0.0.1/32')}]);
  installer.remove([one, two]);
  await installer.settled();
  t.is(installer.refused, 0);
  t.is(installer.installed, 0);
  t.deepEqual(summaries.at(-1), {added: 0, deleted: 2, refused: 0, errno: ''});
});

test('an adopted route counts as installed: not added again, and deleted when it is withdrawn', async t => {
  const {installer, model, calls, kernel} = openWorld();
  await model.routesReplace(
    [one, two].map((_, index) => ({...template, destination: prefix(`11.0.0.${index + 1}/32`)})),
  );
  installer.adopt(one);
  installer.adopt(two);
  t.is(installer.installed, 2);
  installer.add([one]);
  installer.remove([two]);
  await installer.settled();
  t.deepEqual(calls(), ['-11.0.0.2/32']);
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
});

test('routes that somebody else removed are put back, and no others', async t => {
  const {installer, model, calls, kernel} = openWorld();
  installer.add([one, two, three]);
  await installer.settled();
  await model.routesDelete([{...template, destination: prefix('11.0.0.2/32')}]);
  calls();
  t.is(installer.reinstallAllBut(new Set([one, three])), 1);
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.2/32']);
  t.is((await kernel()).length, 3);
});

test('flushing takes out what is there, what is on its way and what is waiting', async t => {
  const {installer, kernel, closeGate} = openWorld();
  installer.add([one]);
  await installer.settled();
  const letThrough = closeGate();
  installer.add([two]);
  installer.add([three]);
  const flushed = installer.flush();
  letThrough();
  await flushed;
  t.deepEqual(await kernel(), []);
  t.is(installer.installed, 0);
});

test('a stopped installer leaves the kernel as it is, once what was on its way is done', async t => {
  const {installer, calls, kernel, closeGate} = openWorld();
  installer.add([one]);
  await installer.settled();
  const letThrough = closeGate();
  installer.add([two]);
  installer.add([three]);
  const stopped = installer.stop();
  letThrough();
  await stopped;
  installer.remove([one]);
  installer.add([three]);
  await installer.settled();
  t.deepEqual(calls(), ['+11.0.0.1/32', '+11.0.0.2/32']);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

type Pass = (world: World, seconds: number) => Promise<void>;

/** Time passes when the body says so. For serial tests: there is one clock. */
const inItsTime = test.macro(async (t, body: (t: ExecutionContext, pass: Pass) => Promise<void>) => {
  mock.timers.enable({apis: ['setTimeout']});
  t.teardown(() => mock.timers.reset());
  await body(t, async ({installer}, seconds) => {
    mock.timers.tick(seconds * 1000);
    await installer.settled();
  });
});

test.serial('a refused route is counted and tried again, and the others are installed', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, fail, summaries, calls, kernel} = world;
  fail('routesReplace', 1, 'EINVAL');
  installer.add([one]);
  await installer.settled();
  installer.add([two]);
  await installer.settled();
  t.deepEqual(summaries, [
    {added: 1, deleted: 0, refused: 1, errno: 'EINVAL'},
    {added: 1, deleted: 0, refused: 0, errno: ''},
  ]);
  t.is(installer.refused, 1);
  t.is(installer.installed, 1);
  t.false(installer.has(one));
  calls();
  await pass(world, 0.999);
  t.deepEqual(calls(), []);
  await pass(world, 0.001);
  t.deepEqual(calls(), ['+11.0.0.1/32']);
  t.is(installer.refused, 0);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

test.serial('only the refused one out of many is tried again', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, netlinker, calls, kernel} = world;
  const {routesReplace} = netlinker;
  netlinker.routesReplace = async routes => {
    netlinker.routesReplace = routesReplace;
    const [refused, ...fine] = routes as [Route, ...Route[]];
    await routesReplace(fine);
    return [{route: refused, error: refusal('routesReplace', 'EINVAL')}];
  };
  installer.add([one, two, three]);
  await installer.settled();
  t.deepEqual(await kernel(), ['11.0.0.2/32', '11.0.1.0/24']);
  calls();
  await pass(world, 1);
  t.deepEqual(calls(), ['+11.0.0.1/32']);
});

test.serial('a source that is not local yet is waited for', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  const {installer, model, kernel, summaries} = world;
  installer.add([one, two]);
  await installer.settled();
  t.deepEqual(summaries, [{added: 2, deleted: 0, refused: 2, errno: 'EINVAL'}]);
  await pass(world, 1);
  t.is(installer.refused, 2);
  await model.addressAdd('doublezero0', {...prefix('10.99.0.1/32'), scope: 'universe'});
  await pass(world, 2);
  t.is(installer.refused, 0);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

test.serial('refused routes are tried less and less often, down to every 30 s', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  world.installer.add([one]);
  await world.installer.settled();
  world.calls();
  const gaps: number[] = [];
  for (let second = 1, last = 0; second <= 130; second++) {
    await pass(world, 1);
    if (world.calls().length === 0) continue;
    gaps.push(second - last);
    last = second;
  }
  t.deepEqual(gaps, [1, 2, 4, 8, 16, 30, 30, 30]);
});

test.serial('a peer that keeps sending does not put the retry off', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, fail, kernel} = world;
  fail('routesReplace');
  installer.add([one]);
  await installer.settled();
  for (let update = 0; update < 11; update++) {
    installer.add([two]);
    await installer.settled();
    installer.remove([two]);
    await pass(world, 0.1);
  }
  t.deepEqual(await kernel(), ['11.0.0.1/32']);
});

test.serial('a peer that repeats a refused route does not make it be tried sooner', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  const {installer, calls} = world;
  for (let repeat = 0; repeat < 100; repeat++) {
    installer.add([one]);
    await installer.settled();
  }
  t.deepEqual(calls(), ['+11.0.0.1/32']);
  t.is(installer.refused, 1);
  await pass(world, 1);
  t.deepEqual(calls(), ['+11.0.0.1/32']);
});

test.serial('a refused route that is withdrawn is not tried again', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  const {installer, calls} = world;
  installer.add([one, two]);
  await installer.settled();
  installer.remove([one]);
  await installer.settled();
  t.is(installer.refused, 1);
  calls();
  await pass(world, 1);
  t.deepEqual(calls(), ['+11.0.0.2/32']);
});

test.serial('a refusal of what the peer has withdrawn meanwhile is not tried again', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  const {installer, closeGate, calls} = world;
  const letThrough = closeGate();
  installer.add([one]);
  installer.remove([one]);
  letThrough();
  await installer.settled();
  t.is(installer.refused, 0);
  calls();
  await pass(world, 60);
  t.deepEqual(calls(), []);
});

test.serial('a route the kernel will not give up is still there, and tried again', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, fail, kernel} = world;
  installer.add([one]);
  await installer.settled();
  fail('routesDelete', 1, 'EPERM');
  installer.remove([one]);
  await installer.settled();
  t.true(installer.has(one));
  t.is(installer.refused, 1);
  await pass(world, 1);
  t.false(installer.has(one));
  t.deepEqual(await kernel(), []);
});

test.serial(
  'a route that is announced again after the kernel would not give it up stays',
  inItsTime,
  async (t, pass) => {
    const world = openWorld();
    const {installer, fail, kernel} = world;
    installer.add([one]);
    await installer.settled();
    fail('routesDelete', 1, 'EPERM');
    installer.remove([one]);
    await installer.settled();
    installer.add([one]);
    t.is(installer.refused, 0);
    await pass(world, 60);
    t.deepEqual(await kernel(), ['11.0.0.1/32']);
  },
);

test.serial('a call that fails as a whole is a refusal of each of its routes', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, netlinker, kernel, summaries} = world;
  const {routesReplace} = netlinker;
  netlinker.routesReplace = async () => {
    netlinker.routesReplace = routesReplace;
    throw refusal('routesReplace', 'ETIMEDOUT');
  };
  installer.add([one, two]);
  await installer.settled();
  t.deepEqual(summaries, [{added: 2, deleted: 0, refused: 2, errno: 'ETIMEDOUT'}]);
  t.is(installer.installed, 0);
  await pass(world, 1);
  t.deepEqual(await kernel(), ['11.0.0.1/32', '11.0.0.2/32']);
});

test('a call that fails with no refusal by the kernel counts as one of each route, and is handed on', async t => {
  const world = openWorld();
  const {installer, netlinker, kernel, faults, summaries} = world;
  installer.add([one]);
  await installer.settled();
  const {routesReplace} = netlinker;
  const error = new TypeError('not a route');
  netlinker.routesReplace = async () => {
    netlinker.routesReplace = routesReplace;
    throw error;
  };
  installer.add([two, three]);
  installer.remove([one]);
  await installer.settled();
  t.deepEqual(faults, [error]);
  t.deepEqual(summaries.at(-1), {added: 2, deleted: 1, refused: 2, errno: 'EIO'});
  t.is(installer.refused, 2);
  t.deepEqual(await kernel(), []);
  await installer.stop();
});

test.serial('what is refused after the installer was stopped is not tried again', inItsTime, async (t, pass) => {
  const world = openWorld({local: false});
  const {installer, closeGate, calls} = world;
  const letThrough = closeGate();
  installer.add([one]);
  const stopped = installer.stop();
  letThrough();
  await stopped;
  calls();
  await pass(world, 120);
  t.deepEqual(calls(), []);
});

test.serial('flushing gives up on what the kernel will not delete', inItsTime, async (t, pass) => {
  const world = openWorld();
  const {installer, fail, calls} = world;
  installer.add([one, two]);
  await installer.settled();
  calls();
  fail('routesDelete', 1, 'EPERM');
  await installer.flush();
  t.deepEqual(calls(), ['-11.0.0.1/32', '-11.0.0.2/32']);
  await pass(world, 120);
  t.deepEqual(calls(), []);
});
