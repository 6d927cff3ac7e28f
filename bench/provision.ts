import {existsSync} from 'node:fs';
import {Controller} from '../lab/controller.js';
import {specs} from '../lab/specs.js';
import {type HostNetlinker, openHostNetlinker} from '../lab/stand-in.js';
import {TunnelSpec} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {toSpecInput} from '../src/rpc/translation.js';
import {bareOperations, make} from './bare-operations.js';
import {Child, programHere, temporaryFolder} from './child.js';
import type {Part} from './part.js';
import {type Judge, median, type Row, row} from './row.js';
import {syncedWrite} from './synced-write.js';

/** Calls that change nothing, so that the transport is as fast as in a daemon that has been polled for a while. */
const transportWarmUp = 3000;
/** Reads before each measurement, as of a controller that looks before it acts: both processes are awake then. */
const looks = 5;
const warmUp = 10;
const rounds = 30;

const closeToBare: Judge = (ours, bare) => ({text: 'under 1.5 × reference + 2 ms', met: ours < 1.5 * bare + 2});

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

interface Place {
  readonly netlinker: HostNetlinker['netlinker'];
  /** Where the daemon keeps its state. */
  readonly folder: string;
  readonly controller: Controller;
  /** Done by the reference before its operations. */
  readonly before: () => Promise<void>;
}

type Sample = keyof typeof specs;

/** Medians in milliseconds, ours and the reference in turn. */
async function measure(sample: Sample, {netlinker, controller, before}: Place) {
  const spec = specs[sample];
  const bare = await bareOperations(netlinker, toSpecInput(TunnelSpec.fromPartial(spec)));
  const device = sample === 'multicast' ? 'doublezero1' : 'doublezero0';
  const works = {
    provision: () => controller.provision(spec),
    remove: () => controller.remove(device),
    bareProvision: () => before().then(() => make(bare.provision)),
    bareRemove: () => before().then(() => make(bare.remove)),
  };
  const names = Object.keys(works) as (keyof typeof works)[];
  const times = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<keyof typeof works, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      for (let look = 0; look < looks; look++) await controller.list();
      const time = await timed(works[name]);
      if (round >= 0) times[name].push(time);
    }
  }
  return Object.fromEntries(names.map(name => [name, median(times[name])])) as Record<keyof typeof works, number>;
}

async function compare(sample: Sample, place: Place, against: string): Promise<Row[]> {
  const {provision, remove, bareProvision, bareRemove} = await measure(sample, place);
  return [
    row(`provision ${sample}, ${against}`, provision, bareProvision, 'ms', closeToBare),
    row(`remove ${sample}, ${against}`, remove, bareRemove, 'ms'),
  ];
}

/** A daemon whose state is kept in a folder below the one given, for as long as the work takes. */
async function withDaemon<T>(
  parent: string | undefined,
  work: (place: Pick<Place, 'folder' | 'controller'>) => Promise<T>,
) {
  await using folder = await temporaryFolder(parent);
  const socket = folder.socket('daemon');
  const flags = ['--socket', socket, '--state-dir', folder.path, '--teardown-linger', '0', '--max-changes', '1000000'];
  await using _daemon = await Child.start(programHere('provision-daemon.js'), ...flags);
  using controller = new Controller(socket);
  for (let call = 0; call < transportWarmUp; call++) await controller.list();
  return await work({folder: folder.path, controller});
}

const inMemory = '/dev/shm';

/**
 * Provision and remove through gRPC, the daemon in a process of its own, against the kernel operations they consist of.
 * The journal is in memory, but in the last comparison, where both sides write to disk and wait until it has it; and an
 * interface does not linger before it is deleted, which is a matter of waiting and not of work.
 */
export const provision: Part = async note => {
  const {netlinker, standsIn} = await openHostNetlinker();
  await using _host = netlinker;
  if (standsIn) note('provision: this kernel has no GRE; veth devices stand in for it, on both sides.');
  const hasMemory = existsSync(inMemory);
  if (!hasMemory) note(`provision: no ${inMemory} here; the journal's writes to disk count against us.`);

  const rows = await withDaemon(hasMemory ? inMemory : undefined, async daemon => {
    const place = {...daemon, netlinker, before: async () => {}};
    const compared: Row[] = [];
    for (const sample of Object.keys(specs) as Sample[]) {
      compared.push(...(await compare(sample, place, 'p50, against bare operations')));
    }
    return compared;
  });
  const onDisk = await withDaemon(undefined, daemon =>
    compare(
      'ibrl',
      {...daemon, netlinker, before: () => syncedWrite(daemon.folder)},
      'p50, journal on disk, against bare operations and a synced write',
    ),
  );
  return [...rows, ...onDisk];
};
