import type {Device, DeviceOptions, RunningDevice} from './device.js';
import type {VethWorld} from './veth-world.js';

const configuration = ({asn, hostAsn, address, hostAddress, help, forwards}: DeviceOptions, folder: string) => `
  router id ${address};
  log stderr all;
  protocol device {}
  ${forwards ? 'protocol kernel { ipv4 { export where source = RTS_BGP; }; }' : ''}
  protocol static feed {
    ipv4;
    include "${folder}/routes.conf";
  }
  protocol bgp host {
    local ${address} as ${asn};
    neighbor ${hostAddress} as ${hostAsn};
    passive on;
    hold time 3;
    error wait time 1, 2;
    ${help === undefined ? '' : `graceful restart ${help === 'none' ? 'off' : 'aware'};`}
    ipv4 { import all; export where source = RTS_STATIC; next hop self; };
  }
`;

async function start(world: VethWorld, options: DeviceOptions): Promise<RunningDevice> {
  const folder = `/run/bird-${options.side}`;
  const announced = new Set<string>();
  const writeRoutes = () =>
    world.write(`${folder}/routes.conf`, [...announced].map(prefix => `route ${prefix} unreachable;\n`).join(''));
  const birdc = (...command: string[]) => world.control('birdc', '-s', `${folder}/control`, ...command);
  const announce = async () => {
    await writeRoutes();
    await birdc('configure');
  };

  await writeRoutes();
  await world.write(`${folder}/bird.conf`, configuration(options, folder));
  const files = ['-c', `${folder}/bird.conf`, '-s', `${folder}/control`, '-P', `${folder}/pid`];
  const program = world.start(options.side, 'bird', '-f', ...files);
  await world.listens(options.side);
  return {
    program,
    announce(prefixes) {
      for (const prefix of prefixes) announced.add(prefix);
      return announce();
    },
    withdraw(prefixes) {
      for (const prefix of prefixes) announced.delete(prefix);
      return announce();
    },
    async learned(prefix) {
      const text = await birdc('show', 'route', prefix, 'all', 'where', 'source = RTS_BGP').catch(() => ''); // none
      const attribute = (name: string) => new RegExp(`BGP.${name}: (.*)`).exec(text)?.[1];
      const [origin, nextHop] = [attribute('origin'), attribute('next_hop')];
      if (origin === undefined || nextHop === undefined) return undefined;
      return {asPath: (attribute('as_path') ?? '').split(' ').map(Number), nextHop, origin: origin.toUpperCase()};
    },
    async lastNotification() {
      return /Last error: +(.*)/.exec(await birdc('show', 'protocols', 'all', 'host'))?.[1] ?? '';
    },
  };
}

export const bird: Device = {name: 'BIRD', programs: ['bird', 'birdc'], start};
