import type {Device, DeviceOptions, Help, RunningDevice} from './device.js';
import type {Side, VethWorld} from './veth-world.js';
import {eventually} from './waiting.js';

const bgpd = '/usr/lib/frr/bgpd';
const zebra = '/usr/lib/frr/zebra';

const restarts: Record<Help, string> = {
  none: 'bgp graceful-restart-disable',
  'RFC 4724': 'no bgp graceful-restart notification',
  'RFC 8538': 'bgp graceful-restart notification',
};

const configuration = ({asn, hostAsn, address, hostAddress, help}: DeviceOptions) => `
  log stdout
  router bgp ${asn}
   bgp router-id ${address}
   timers bgp 1 3
   no bgp ebgp-requires-policy
   no bgp network import-check
   ${help === undefined ? '' : restarts[help]}
   neighbor ${hostAddress} remote-as ${hostAsn}
   neighbor ${hostAddress} passive
   neighbor ${hostAddress} timers connect 1
   neighbor ${hostAddress} advertisement-interval 0
`;

async function start(world: VethWorld, options: DeviceOptions): Promise<RunningDevice> {
  const {side, asn, hostAddress, forwards} = options;
  const folder = `/run/frr-${side}`;
  const vtysh = (...args: string[]) => world.control('vtysh', '--vty_socket', folder, ...args);
  const configure = async (lines: readonly string[]) => {
    const commands = [`router bgp ${asn}`, ' address-family ipv4 unicast', ...lines];
    await world.write(`${folder}/change.conf`, `${commands.join('\n')}\n`);
    await vtysh('-f', `${folder}/change.conf`);
  };

  await world.write(`${folder}/bgpd.conf`, configuration(options));
  const zserv = forwards ? ['-z', await startZebra(world, side)] : ['--no_zebra']; // without it the kernel gets no routes
  // As the user it is, for the folder is this user's.
  const files = ['-f', `${folder}/bgpd.conf`, '-i', `${folder}/pid`, '--vty_socket', folder];
  const program = world.start(side, bgpd, ...zserv, '--skip_runas', ...files);
  await world.listens(side);
  return {
    program,
    announce: prefixes => configure(prefixes.map(prefix => `  network ${prefix}`)),
    withdraw: prefixes => configure(prefixes.map(prefix => `  no network ${prefix}`)),
    async learned(prefix) {
      const {paths = []} = JSON.parse(await vtysh('-c', `show bgp ipv4 unicast ${prefix} json`));
      const path = paths.find((path: {peer: {peerId: string}}) => path.peer.peerId === hostAddress);
      if (path === undefined) return undefined;
      const asPath = path.aspath.segments.flatMap(({list}: {list: number[]}) => list);
      return {asPath, nextHop: path.nexthops[0].ip, origin: path.origin.toUpperCase()};
    },
    async lastNotification() {
      const {[hostAddress]: neighbor} = JSON.parse(await vtysh('-c', `show bgp neighbors ${hostAddress} json`));
      return neighbor.lastNotificationReason ?? '';
    },
  };
}

/** Resolves to its socket. Unlike bgpd it cannot but run as its own user. */
async function startZebra(world: VethWorld, side: Side): Promise<string> {
  const folder = `/run/zebra-${side}`;
  await world.control('install', '-d', '-o', 'frr', '-g', 'frr', folder);
  const files = ['-f', '/dev/null', '-i', `${folder}/pid`, '-z', `${folder}/socket`, '--vty_socket', folder];
  world.startService(side, zebra, ...files);
  await eventually('zebra has its socket', () =>
    world.control('test', '-S', `${folder}/socket`).then(
      () => true,
      () => false,
    ),
  );
  return `${folder}/socket`;
}

export const frr: Device = {name: 'FRR', programs: [bgpd, 'vtysh'], start};
