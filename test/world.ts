import {createLogger, transports} from 'winston';
import {RecordingBgpSpeaker} from '../src/bgp/recording-speaker.js';
import {RecordingMulticastSpeaker} from '../src/multicast/recording-speaker.js';
import {MemoryNetlinker} from '../src/netlink/memory.js';
import {recording} from '../src/netlink/recording.js';
import {TunnelManager, type TunnelManagerOptions} from '../src/tunnels/tunnel-manager.js';

export const silentLogger = () => createLogger({transports: [new transports.Console({silent: true})]});

/** A manager over a model host, with everything it asks of the host written down. */
export function openWorld(
  netlinker = new MemoryNetlinker(),
  options: Pick<TunnelManagerOptions, 'journal' | 'repair' | 'teardown'> = {},
) {
  const kernel = recording(netlinker);
  const bgp = new RecordingBgpSpeaker();
  const multicast = new RecordingMulticastSpeaker();
  const manager = new TunnelManager({netlinker: kernel.netlinker, bgp, multicast, log: silentLogger(), ...options});
  return {
    manager,
    bgp,
    multicast,
    kernel,
    /** All that the daemon could have changed, for comparing before with after. */
    async snapshot() {
      const names = ['doublezero0', 'doublezero1'];
      return {
        links: await Promise.all(names.map(async name => (await netlinker.link(name))?.tunnel)),
        addresses: await Promise.all(names.map(name => netlinker.addresses(name).catch(() => []))),
        rules: await netlinker.rules(),
        routes: await netlinker.routes(),
      };
    },
    [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
  };
}
