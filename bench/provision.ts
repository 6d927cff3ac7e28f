import {Controller} from '../lab/controller.js';
import {specs} from '../lab/specs.js';
import {TunnelSpec} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {toSpecInput} from '../src/rpc/translation.js';
import {bareOperations, make} from './bare-operations.js';
import {Child, programHere, socketFolder} from './child.js';
import type {Part} from './part.js';
import {type Judge, median, row} from './row.js';
import {openHostNetlinker} from './stand-in.js';

const warmUp = 10;
const rounds = 30;

const closeToBare: Judge = (ours, bare) => ({text: 'under 1.5 × reference + 2 ms', met: ours < 1.5 * bare + 2});

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Provision and remove through gRPC, the daemon in a process of its own, against the kernel operations they consist of. */
export const provision: Part = async note => {
  await using folder = await socketFolder();
  const {netlinker, standsIn} = await openHostNetlinker();
  if (standsIn) note('This kernel has no GRE: in `provision` veth devices stand in for it, on both sides.');
  const socket = folder.socket('daemon');
  await using _host = netlinker;
  await using _daemon = await Child.start(programHere('provision-daemon.js'), '--socket', socket);
  using controller = new Controller(socket);

  const rows = [];
  for (const [name, spec] of Object.entries(specs)) {
    const bare = await bareOperations(netlinker, toSpecInput(TunnelSpec.fromPartial(spec)));
    const device = name === 'multicast' ? 'doublezero1' : 'doublezero0';
    const [provisioned, removed, bareProvisioned, bareRemoved]: [number[], number[], number[], number[]] = [
      [],
      [],
      [],
      [],
    ];
    for (let round = -warmUp; round < rounds; round++) {
      const times = [
        await timed(() => controller.provision(spec)),
        await timed(() => controller.remove(device)),
        await timed(() => make(bare.provision)),
        await timed(() => make(bare.remove)),
      ] as const;
      if (round < 0) continue;
      provisioned.push(times[0]);
      removed.push(times[1]);
      bareProvisioned.push(times[2]);
      bareRemoved.push(times[3]);
    }
    const against = 'p50, against bare operations';
    rows.push(
      row(`provision ${name}, ${against}`, median(provisioned), median(bareProvisioned), 'ms', closeToBare),
      row(`remove ${name}, ${against}`, median(removed), median(bareRemoved), 'ms'),
    );
  }
  return rows;
};
