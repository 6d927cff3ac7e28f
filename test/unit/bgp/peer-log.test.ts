// What a peer's doings leave in the log and in the words of its status.
import test from 'ava';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {device, inItsTime, openWorld} from './peer-world.js';
import {update} from './updates.js';

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
