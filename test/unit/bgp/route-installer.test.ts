import test from 'ava';
import {one, openWorld, prefix, template, three, two} from './route-installer-world.js';

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
