// What the kernel would not do, and when it is asked again.
import {mock} from 'node:test';
import test, {type ExecutionContext} from 'ava';
import type {Route} from '../../../src/netlink/netlinker.js';
import {refusal} from '../../../src/netlink/refusal.js';
import {one, openWorld, prefix, three, two, type World} from './route-installer-world.js';

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
