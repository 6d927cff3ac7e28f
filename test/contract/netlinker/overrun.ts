import {readFileSync} from 'node:fs';
import test from 'ava';
import {Protocol} from 'netlink';
import {Channel} from '../../../src/netlink/kernel/channel.js';
import {RouteEncoder} from '../../../src/netlink/kernel/route-encoder.js';
import {KernelNetlinker} from '../../../src/netlink/kernel.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {device, ip, raise, route} from './world.js';

interface SocketRow {
  readonly port: string;
  /** Bytes lying in its receive buffer, as the kernel charges them. */
  readonly received: number;
  readonly drops: number;
}

const routeSockets = (): SocketRow[] =>
  readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(([, protocol]) => protocol === '0')
    .map(([, , port = '', , received, , , , drops]) => ({port, received: Number(received), drops: Number(drops)}));

const refusedRoutes = (count: number) =>
  Array.from({length: count}, (_, index) =>
    route(`11.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}/32`, {source: ip('10.99.0.2')}),
  );

/** The process would be gone if a receive buffer ever overflowed: the `netlink` package aborts it. */
export function overrun(subject: string, open: () => Promise<Netlinker>): void {
  test.serial(`${subject}: the refusals of a full batch fit into the receive buffer with room to spare`, async t => {
    await using netlinker = await open();
    await raise(netlinker);
    const index = (await netlinker.link(device))?.index ?? 0;
    const before = new Set(routeSockets().map(({port}) => port));
    using channel = new Channel(Protocol.ROUTE);
    t.is(channel.batchLimit, 256);
    const routes = refusedRoutes(channel.batchLimit);
    const messages = new RouteEncoder('replace', routes.length).encode(routes, new Map([[device, index]]));

    // The kernel has answered everything by the time the call returns, and nothing was read yet.
    const outcome = channel.send(messages);
    const socket = routeSockets().find(({port}) => !before.has(port));
    const received = socket?.received ?? 0;
    t.log(`${received / 256} bytes a refusal, ${channel.receiveBuffer} bytes of buffer`);
    t.true(received > 256 * 100);
    t.true(received < channel.receiveBuffer * 0.75);
    t.is((await outcome).refused.length, 256);
  });

  test.serial(`${subject}: 20,000 routes refused in a row are all reported`, async t => {
    await using netlinker = await open();
    await raise(netlinker);
    const routes = refusedRoutes(20_000);
    const refusals = await netlinker.routesReplace(routes);
    t.deepEqual(
      refusals.map(refusal => refusal.route),
      routes,
    );
    t.true(refusals.every(({error}) => error.errno === 'EINVAL'));
    t.true(routeSockets().every(({drops}) => drops === 0));
  });

  test.serial(`${subject}: 5,000 requests at once are all answered, refused or not`, async t => {
    await using netlinker = await open();
    await raise(netlinker);
    const [refused, ...fine] = await Promise.all([
      Promise.allSettled(Array.from({length: 2500}, () => netlinker.tunnelUp('absent'))),
      ...Array.from({length: 2500}, () => netlinker.link(device)),
    ]);
    t.true(refused.every(({status}) => status === 'rejected'));
    t.true(fine.every(link => link?.name === device));
    t.true(routeSockets().every(({drops}) => drops === 0));
  });

  test.serial(`${subject}: batches, requests and dumps at the same time do not disturb each other`, async t => {
    await using netlinker = await open();
    await raise(netlinker);
    const good = Array.from({length: 5000}, (_, index) => route(`12.0.${index >> 8}.${index & 255}/32`));
    const [added, refused, dumps] = await Promise.all([
      netlinker.routesReplace(good),
      netlinker.routesReplace(refusedRoutes(5000)),
      Promise.all(Array.from({length: 10}, () => netlinker.routes({interface: device}))),
      Promise.all(Array.from({length: 100}, () => netlinker.addresses(device))),
    ]);
    t.deepEqual(added, []);
    t.is(refused.length, 5000);
    t.true(dumps.every(routes => routes.length <= 5001));
    t.is((await netlinker.routes({interface: device})).length, 5001);
  });

  test.serial(`${subject}: a disposed netlinker refuses what waits and what comes`, async t => {
    const netlinker = await KernelNetlinker.open();
    const waiting = Promise.allSettled(Array.from({length: 10}, () => netlinker.link('lo')));
    await netlinker[Symbol.asyncDispose]();
    for (const outcome of await waiting) t.is(outcome.status, 'rejected');
    await t.throwsAsync(netlinker.link('lo'), {message: 'link: ECANCELED'});
    await t.throwsAsync(netlinker.sockets([ip('192.0.2.1')]), {message: 'sockets: ECANCELED'});
  });
}
