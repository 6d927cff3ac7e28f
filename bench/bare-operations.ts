import {kernelChanges} from '../lab/kernel-changes.js';
import {overriding} from '../lab/overriding.js';
import {RecordingBgpSpeaker} from '../src/bgp/recording-speaker.js';
import {RecordingMulticastSpeaker} from '../src/multicast/recording-speaker.js';
import type {Netlinker} from '../src/netlink/netlinker.js';
import {createLogger} from '../src/telemetry/logger.js';
import type {SpecInput} from '../src/tunnels/spec-parse.js';
import {TunnelManager} from '../src/tunnels/tunnel-manager.js';

/** Changes of the kernel, in order, to be made again as often as one likes. */
export type Changes = readonly (() => Promise<unknown>)[];

/** What provisioning a tunnel and removing it change in the kernel, without what is only read: found out by doing it. */
export async function bareOperations(
  netlinker: Netlinker,
  spec: SpecInput | undefined,
): Promise<{readonly provision: Changes; readonly remove: Changes}> {
  let changes: (() => Promise<unknown>)[] = [];
  const methods = Object.fromEntries(
    kernelChanges.map(name => {
      const method = netlinker[name].bind(netlinker) as (...args: unknown[]) => Promise<unknown>;
      const noted = (...args: unknown[]) => {
        const change = () => method(...args);
        changes.push(change);
        return change();
      };
      return [name, noted];
    }),
  );
  const ports = {
    netlinker: overriding(netlinker, methods),
    bgp: new RecordingBgpSpeaker(),
    multicast: new RecordingMulticastSpeaker(),
  };
  await using manager = new TunnelManager({...ports, log: createLogger({level: 'error'})});
  const {name} = await manager.provision(spec);
  const provision = changes;
  changes = [];
  await manager.remove(name);
  return {provision, remove: changes};
}

export async function make(changes: Changes): Promise<void> {
  for (const change of changes) await change();
}
