import {carrier} from './carrier.js';
import {ipBatch, Namespace} from './namespace.js';

/** The addresses of `spec/kernel-state.md`. */
export const addresses = {
  hostUnderlay: '192.0.2.1',
  deviceUnderlay: '192.0.2.2',
  /** The device's end of a second tunnel: each needs a pair of endpoints of its own. */
  deviceUnderlay2: '192.0.2.3',
  remoteOverlay: '169.254.0.0',
  remoteOverlay2: '169.254.0.2',
  tunnelNet: '169.254.0.0/31',
  tunnelNet2: '169.254.0.2/31',
  doublezeroIp: '10.99.0.1',
  prefixes: ['203.0.113.0/24', '198.51.100.0/25'],
  /** In the first of the prefixes: a host behind this one, as it were. */
  inPrefix: '203.0.113.7',
  /** Somewhere behind the device. */
  behindDevice: '11.0.0.1',
  publishedGroups: ['233.84.178.1', '233.84.178.3'],
  subscribedGroups: ['233.84.178.2', '233.84.178.3'],
} as const;

const namespaces = `
  netns add host
  netns add device
  link add underlay netns host type veth peer name underlay netns device
`;

// No link-local addresses on the veth: duplicate address detection would change the dumps a second later.
const hostSide = `
  link set lo up
  addr add ${addresses.inPrefix}/32 dev lo
  link set underlay addrgenmode none
  addr add ${addresses.hostUnderlay}/24 dev underlay
  link set underlay up
`;

// What a device learns over BGP are static routes here. It has joined the first published group, so it answers pings.
const deviceSide = `
  link set lo up
  addr add ${addresses.behindDevice}/32 dev lo
  link set underlay addrgenmode none
  addr add ${addresses.deviceUnderlay}/24 dev underlay
  addr add ${addresses.deviceUnderlay2}/24 dev underlay
  link set underlay up
  link add tunnel0 type gre local ${addresses.deviceUnderlay} remote ${addresses.hostUnderlay} ttl 32
  addr add ${addresses.tunnelNet} dev tunnel0
  addr add ${addresses.publishedGroups[0]}/32 dev tunnel0 autojoin
  link set tunnel0 up
  link add tunnel1 type gre local ${addresses.deviceUnderlay2} remote ${addresses.hostUnderlay} ttl 32
  addr add ${addresses.tunnelNet2} dev tunnel1
  link set tunnel1 up
  route add ${addresses.doublezeroIp}/32 dev tunnel0
  route add ${addresses.inPrefix}/32 dev tunnel0
`;

/**
 * Two namespaces joined by a veth: `host`, where the daemon runs, with nothing of DoubleZero in it yet, and `device`,
 * the other end of the tunnels.
 */
export class Topology implements AsyncDisposable {
  readonly host = new Namespace('host');
  readonly device = new Namespace('device');

  static async create(): Promise<Topology> {
    const topology = new Topology();
    try {
      await ipBatch(namespaces);
      await Promise.all([topology.host.batch(hostSide), topology.device.batch(deviceSide)]);
      await Promise.all([carrier(topology.host, 'underlay'), carrier(topology.device, 'underlay')]);
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
    return topology;
  }

  /** Of as much as there is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await ipBatch('netns del host\nnetns del device\n', ['-force']).catch(() => undefined);
  }
}
