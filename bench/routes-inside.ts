/**
 * Measures routes in bulk, in the network namespace that it is started in and takes for its own; `routes.ts` starts it.
 * Writes a `RoutesReport` as JSON.
 */
import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {promisify} from 'node:util';
import {formatIpv4, formatPrefix, hostPrefix, ipv4} from '../src/ip/ipv4.js';
import {KernelNetlinker} from '../src/netlink/kernel.js';
import {type Netlinker, type Route, type RouteRefusal, routeProtocol, routeTable} from '../src/netlink/netlinker.js';
import type {RoutesReport} from './routes.js';
import {median, type Row, ratioAtMost, row} from './row.js';

const run = promisify(execFile);

const device = 'bench0';
const gateway = ipv4(0xa9fe0000); // 169.254.0.0
const source = ipv4(0x0a630001); // 10.99.0.1
const strangeSource = ipv4(0x0a630002); // 10.99.0.2, which nobody has
const firstDestination = 0x0b000000; // 11.0.0.0

const rounds = new Map([
  [20_000, 7],
  [100_000, 5],
]);

const prepare = (): Promise<unknown> =>
  run('sh', [
    '-ec',
    `ip link add ${device} type veth peer name bench1
     ip link set bench1 up
     ip link set ${device} up
     ip address add 169.254.0.1/31 dev ${device}
     ip address add 10.99.0.1/32 dev ${device}`,
  ]);

const makeRoutes = (count: number): Route[] =>
  Array.from({length: count}, (_, index) => ({
    destination: hostPrefix(ipv4(firstDestination + index)),
    table: routeTable.main,
    protocol: routeProtocol.bgp,
    gateway,
    source,
    interface: device,
  }));

const ipCommand = (verb: string, {destination}: Route): string =>
  `route ${verb} ${formatPrefix(destination)} via ${formatIpv4(gateway)} dev ${device} proto ${routeProtocol.bgp} src ${formatIpv4(source)}`;

/** Microseconds for each of `count`. */
async function timed(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1000 / count;
}

async function expectPresent(netlinker: Netlinker, count: number): Promise<void> {
  const present = (await netlinker.routes({protocol: routeProtocol.bgp})).length;
  if (present !== count) throw new Error(`${present} routes in the kernel instead of ${count}`);
}

async function unrefused(change: Promise<RouteRefusal[]>): Promise<void> {
  const [first] = await change;
  if (first !== undefined) throw first.error;
}

const compared = (what: string, ours: readonly number[], reference: readonly number[]): Row =>
  row(`${what}, against ip -batch`, median(ours), median(reference), 'µs/route', ratioAtMost(0.4));

/** Ours and `ip -batch` in turn, so that whatever else the machine does meets both. */
async function measure(netlinker: Netlinker, count: number, folder: string): Promise<RoutesReport> {
  const routes = makeRoutes(count);
  const [additions, deletions] = [join(folder, 'add'), join(folder, 'delete')];
  await writeFile(additions, routes.map(route => ipCommand('replace', route)).join('\n'));
  await writeFile(deletions, routes.map(route => ipCommand('delete', route)).join('\n'));

  const [added, deleted, ipAdded, ipDeleted]: [number[], number[], number[], number[]] = [[], [], [], []];
  const pauses: number[] = [];
  for (let round = 0; round < (rounds.get(count) ?? 1); round++) {
    const loop = monitorEventLoopDelay({resolution: 1});
    loop.enable();
    added.push(await timed(count, () => unrefused(netlinker.routesReplace(routes))));
    loop.disable();
    pauses.push(loop.percentile(99) / 1e6);
    await expectPresent(netlinker, count);
    deleted.push(await timed(count, () => unrefused(netlinker.routesDelete(routes))));
    await expectPresent(netlinker, 0);
    ipAdded.push(await timed(count, () => run('ip', ['-batch', additions])));
    await expectPresent(netlinker, count);
    ipDeleted.push(await timed(count, () => run('ip', ['-batch', deletions])));
    await expectPresent(netlinker, 0);
  }
  const many = count.toLocaleString('en');
  return {
    notes: [`while ${many} routes are added, the event loop pauses for ${median(pauses).toFixed(1)} ms (p99)`],
    rows: [compared(`add ${many} routes`, added, ipAdded), compared(`delete ${many} routes`, deleted, ipDeleted)],
  };
}

/** Speed must not cost the report of each refused route. */
async function checkRefusals(netlinker: Netlinker): Promise<string> {
  const routes = makeRoutes(20_000).map((route, index) =>
    index % 997 === 500 ? {...route, source: strangeSource} : route,
  );
  const expected = routes.filter(route => route.source === strangeSource);
  const refusals = await netlinker.routesReplace(routes);
  const exact = expected.every((route, index) => {
    const refusal = refusals[index];
    return refusal?.route === route && refusal.error.errno === 'EINVAL';
  });
  if (!exact || refusals.length !== expected.length) throw new Error('not each refused route was reported by itself');
  await expectPresent(netlinker, routes.length - expected.length);
  return `of ${routes.length.toLocaleString('en')} routes ${refusals.length} were refused, each reported, and all others are present`;
}

await prepare();
const folder = await mkdtemp(join(tmpdir(), 'doublezerod-bench-'));
const netlinker = await KernelNetlinker.open();
try {
  const notes = [await checkRefusals(netlinker)];
  // Takes the routes away that the check left.
  await netlinker.tunnelDown(device);
  await netlinker.tunnelUp(device);
  const rows: Row[] = [];
  for (const count of rounds.keys()) {
    const report = await measure(netlinker, count, folder);
    notes.push(...report.notes);
    rows.push(...report.rows);
  }
  console.log(JSON.stringify({notes, rows} satisfies RoutesReport));
} finally {
  await netlinker[Symbol.asyncDispose]();
  await rm(folder, {recursive: true, force: true});
}
