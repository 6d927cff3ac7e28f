import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import {join as path} from 'node:path';
import {programHere, temporaryFolder} from '../child.js';
import type {Part} from '../part.js';
import {type Judge, median, type Row, ratioAtMost, row} from '../row.js';
import {Bird, clientConfiguration, deviceConfiguration, staticRoutes} from './bird.js';
import {join, run, Space, until} from './network.js';
import {RouteWatch} from './route-watch.js';

/** Whoever takes the feed and puts it into the kernel of its namespace. */
interface Contender {
  /** The device's name for the session. */
  readonly session: string;
  readonly space: Space;
  /** Bytes in memory. */
  memory(): Promise<number>;
}

/** Microseconds a route, from the order to the device until the last notification of the kernel. */
interface Times {
  readonly add: number;
  readonly withdraw: number;
  readonly lose: number;
}

const rounds = new Map([
  [10_000, 5],
  [100_000, 3],
]);

interface Setting {
  readonly device: Bird;
  readonly count: number;
  readonly folder: string;
}

/** From the order until the kernel has the number of routes expected: by the time of the last notification. */
async function timed({space}: Contender, setting: Setting, expected: number, order: string[]): Promise<number> {
  await using watch = await RouteWatch.start(space, path(setting.folder, 'routes.txt'));
  const start = Date.now();
  await setting.device.ask(...order);
  await until(`${expected} routes after ${order.join(' ')}`, async () => {
    await watch.quiet();
    return (await space.countRoutes()) === expected;
  });
  return ((await watch.last()) - start) * (1000 / setting.count);
}

async function round(contender: Contender, setting: Setting): Promise<Times> {
  const {device, count} = setting;
  const {session} = contender;
  await device.ask('enable', session);
  await until(`${session} is established`, () => device.isEstablished(session));
  const add = await timed(contender, setting, count, ['enable', 'feed']);
  const withdraw = await timed(contender, setting, 0, ['disable', 'feed']);
  await timed(contender, setting, count, ['enable', 'feed']);
  const lose = await timed(contender, setting, 0, ['disable', session]);
  await device.ask('disable', 'feed');
  return {add, withdraw, lose};
}

/** Bytes a route, by what the process has grown. */
async function memoryPerRoute(contender: Contender, {device, count}: Setting): Promise<number> {
  const before = await contender.memory();
  await device.ask('enable', contender.session);
  await until(`${contender.session} is established`, () => device.isEstablished(contender.session));
  await device.ask('enable', 'feed');
  await until('the routes are there', async () => (await contender.space.countRoutes()) === count);
  const after = await contender.memory();
  await device.ask('disable', contender.session);
  await device.ask('disable', 'feed');
  await until('the routes are gone', async () => (await contender.space.countRoutes()) === 0);
  return (after - before) / count;
}

/** `ip -batch` adding and deleting the same routes, microseconds a route. */
async function batch(space: Space, {count, folder}: Setting): Promise<{add: number; delete: number}> {
  const commands = staticRoutes(count).replaceAll(
    /^route (\S+) blackhole;$/gm,
    'route VERB $1 via 169.254.0.2 src 192.0.2.1 proto bgp',
  );
  const times = {add: 0, delete: 0};
  for (const verb of ['add', 'delete'] as const) {
    const file = path(folder, 'batch');
    await writeFile(file, commands.replaceAll('VERB', verb));
    const start = performance.now();
    await run('ip', '-n', space.name, '-batch', file);
    times[verb] = ((performance.now() - start) * 1000) / count;
  }
  return times;
}

/** Our speaker, in a process of its own. */
class OurSpeaker implements Contender, AsyncDisposable {
  readonly session = 'ours';

  private constructor(
    readonly space: Space,
    private readonly process: ChildProcess,
  ) {}

  static async start(space: Space): Promise<OurSpeaker> {
    const args = ['--expose-gc', programHere('bgp/speaker-process.js')];
    const child = space.spawn(process.execPath, args, ['ignore', 'inherit', 'inherit', 'ipc']);
    await once(child, 'message');
    return new OurSpeaker(space, child);
  }

  async memory(): Promise<number> {
    this.process.send('memory');
    const [bytes] = await once(this.process, 'message');
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

const compared = (
  what: string,
  unit: string,
  ours: readonly number[],
  reference: readonly number[],
  judge?: Judge,
): Row => row(what, median(ours), median(reference), unit, judge);

async function compare(ours: Contender, reference: Contender, setting: Setting): Promise<Row[]> {
  const times: Record<'ours' | 'reference', Times[]> = {ours: [], reference: []};
  const batches = [];
  for (let index = 0; index < (rounds.get(setting.count) ?? 1); index++) {
    times.ours.push(await round(ours, setting));
    times.reference.push(await round(reference, setting));
    batches.push(await batch(reference.space, setting));
  }
  const of = (who: 'ours' | 'reference', what: keyof Times) => times[who].map(time => time[what]);
  const many = `${setting.count.toLocaleString('en')} routes from BGP to the kernel`;
  const unit = 'µs/route';
  return [
    compared(`add ${many}, against BIRD`, unit, of('ours', 'add'), of('reference', 'add'), ratioAtMost(0.75)),
    compared(
      `withdraw ${many}, against BIRD`,
      unit,
      of('ours', 'withdraw'),
      of('reference', 'withdraw'),
      ratioAtMost(0.55),
    ),
    compared(`lose the session, ${many}, against BIRD`, unit, of('ours', 'lose'), of('reference', 'lose')),
    compared(
      `add ${many}, against ip -batch`,
      unit,
      of('ours', 'add'),
      batches.map(({add}) => add),
    ),
    compared(
      `withdraw ${many}, against ip -batch`,
      unit,
      of('ours', 'withdraw'),
      batches.map(time => time.delete),
    ),
  ];
}

/**
 * The same feed of a BIRD into the kernel by our speaker and by another BIRD, in turn; and the same routes by `ip -batch`.
 * Needs root and the Debian packages iproute2 and bird2.
 */
export const bgpFeed: Part = async () => {
  await using folder = await temporaryFolder();
  await using peer = await Space.create('device');
  await using host = await Space.create('host');
  await using other = await Space.create('reference');
  await join(host, 'doublezero0', peer, '169.254.0.0', '169.254.0.1');
  await join(other, 'doublezero0', peer, '169.254.0.2', '169.254.0.3');
  await using ours = await OurSpeaker.start(host);
  const client = clientConfiguration('169.254.0.3', '169.254.0.2');
  await using bird = await Bird.start(other, folder.path, 'client', client);
  const reference: Contender = {session: 'reference', space: other, memory: async () => bird.residentMemory()};

  const rows: Row[] = [];
  for (const count of rounds.keys()) {
    const routes = path(folder.path, 'routes.conf');
    await writeFile(routes, staticRoutes(count));
    const configuration = deviceConfiguration(routes, {
      ours: ['169.254.0.0', '169.254.0.1'],
      reference: ['169.254.0.2', '169.254.0.3'],
    });
    await using device = await Bird.start(peer, folder.path, 'device', configuration);
    const setting = {device, count, folder: folder.path};
    const memory = [await memoryPerRoute(ours, setting), await memoryPerRoute(reference, setting)] as const;
    rows.push(...(await compare(ours, reference, setting)));
    rows.push(row(`memory for each of ${count.toLocaleString('en')} routes, against BIRD`, ...memory, 'bytes'));
  }
  return rows;
};
