import type {Device, DeviceOptions, Help, RunningDevice} from './device.js';
import {addPaths} from './gobgp-paths.js';
import type {VethWorld} from './veth-world.js';

const restarts = (help: Help | undefined) =>
  help === undefined || help === 'none'
    ? ''
    : `
    [neighbors.graceful-restart.config]
      enabled = true
      helper-only = true
      restart-time = 120
      notification-enabled = ${help === 'RFC 8538'}
    [[neighbors.afi-safis]]
      [neighbors.afi-safis.config]
        afi-safi-name = "ipv4-unicast"
      [neighbors.afi-safis.mp-graceful-restart.config]
        enabled = true
`;

const configuration = ({asn, hostAsn, address, hostAddress, help}: DeviceOptions) => `
  [global.config]
    as = ${asn}
    router-id = "${address}"
    local-address-list = ["${address}"]
  [[neighbors]]
    [neighbors.config]
      neighbor-address = "${hostAddress}"
      peer-as = ${hostAsn}
    [neighbors.transport.config]
      passive-mode = true
      local-address = "${address}"
    [neighbors.timers.config]
      hold-time = 3
      keepalive-interval = 1
      idle-hold-time-after-reset = 1
    ${restarts(help)}
`;

async function start(world: VethWorld, options: DeviceOptions): Promise<RunningDevice> {
  const {side, address} = options;
  const folder = `/run/gobgp-${side}`;
  const gobgp = (...args: string[]) => world.control('gobgp', '--target', `unix://${folder}/control`, ...args);
  const announced = new Set<string>();

  await world.write(`${folder}/gobgpd.toml`, configuration(options));
  const flags = ['--api-hosts', `unix://${folder}/control`, '--pprof-disable', '--log-plain'];
  const program = world.start(side, 'gobgpd', '--config-file', `${folder}/gobgpd.toml`, ...flags);
  await world.listens(side);
  return {
    program,
    async announce(prefixes) {
      for (const prefix of prefixes) announced.add(prefix);
      await addPaths(`unix:${world.path(`${folder}/control`)}`, prefixes, address);
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) announced.delete(prefix);
      if (announced.size === 0) await gobgp('global', 'rib', 'del', 'all');
      else for (const prefix of prefixes) await gobgp('global', 'rib', 'del', prefix);
    },
    async learned(prefix) {
      const listing = await gobgp('global', 'rib', prefix, '-j').catch(() => '{}'); // it has none
      const {[prefix]: [path] = []} = JSON.parse(listing);
      if (path === undefined) return undefined;
      const attribute = (type: number) => path.attrs.find((attribute: {type: number}) => attribute.type === type);
      const asPath = attribute(2).as_paths.flatMap(({asns}: {asns: number[]}) => asns);
      return {asPath, nextHop: attribute(3).nexthop, origin: ['IGP', 'EGP', 'INCOMPLETE'][attribute(1).value] ?? ''};
    },
    async lastNotification() {
      const received = program.lines.filter(line => line.includes('notification-received'));
      return /notification-received ([^"]*)/.exec(received.at(-1) ?? '')?.[1] ?? '';
    },
  };
}

export const gobgp: Device = {name: 'GoBGP', programs: ['gobgpd', 'gobgp'], start};
