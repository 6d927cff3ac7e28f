import {doublezeroIp} from './peers/addresses.js';
import {deviceOptions, type Help} from './peers/device.js';
import type {Host} from './peers/host.js';
import type {Program} from './peers/program.js';
import {VethWorld} from './peers/veth-world.js';
import type {RestartDevice} from './restart-devices.js';

/** Where the client is, behind the device. */
const behindDevice = '11.0.9.0/24';

const client = `
  netns add client
  link add access netns device type veth peer name access netns client
  -n device addr add 11.0.9.1/24 dev access
  -n device link set access up
  -n client link set lo up
  -n client addr add 11.0.9.2/24 dev access
  -n client link set access up
  -n client route add default via 11.0.9.1
`;

const isLearned = (line: string) => line.startsWith(`${behindDevice} `) && line.includes(' proto bgp ');
const isForgotten = (line: string) => line.startsWith(`Deleted ${behindDevice} `);

/** A device with a client behind it, a host with a session to it, and both ends watched. */
export class RestartWorld implements AsyncDisposable {
  private constructor(
    private readonly veth: VethWorld,
    private readonly kind: RestartDevice,
    /** What comes and goes in the device's table, and in the host's kernel. */
    private readonly monitors: {readonly device: Program; readonly host: Program},
    private host: Host,
  ) {}

  /** Resolves when routes both ways are in place. */
  static async open(kind: RestartDevice, help: Help): Promise<RestartWorld> {
    const veth = await VethWorld.open();
    try {
      for (const command of client.trim().split('\n')) await veth.control('ip', ...command.trim().split(' '));
      await veth.run('device', 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      if (!kind.forwards) await veth.ip('device', 'route', 'add', `${doublezeroIp}/32`, 'via', '169.254.0.1');
      const running = await kind.device.start(veth, {...deviceOptions, help, forwards: kind.forwards});
      await running.announce([behindDevice]);
      const device = veth.start('device', ...kind.monitor);
      const host = veth.start('host', 'ip', '-o', 'monitor', 'route');
      const world = new RestartWorld(veth, kind, {device, host}, await veth.startHost());
      await world.host.addPeer();
      await device.said(kind.isThere, 'the device has our route');
      await host.said(isLearned, 'the host has the device route');
      return world;
    } catch (error) {
      await veth[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The host's daemon dies without a word. */
  kill(): Promise<void> {
    return this.host.kill();
  }

  /** It exits and leaves its tunnels. */
  async leave(): Promise<void> {
    await this.host.dispose();
  }

  /** Starts a successor, which finds the tunnel as it was left; resolves when its session stands. */
  async succeed(): Promise<void> {
    this.host = await this.veth.startHost();
    await this.host.addPeer({resumed: true});
    await this.host.reaches('up');
  }

  async deletePeer(): Promise<void> {
    await this.host.deletePeer();
  }

  /** A point in time, for asking what came after it. */
  now(): {readonly device: number; readonly host: number} {
    return {device: this.monitors.device.lines.length, host: this.monitors.host.lines.length};
  }

  /** All that the device let go of our route, and the host of the device's, since then. */
  losses(since: ReturnType<RestartWorld['now']>): string[] {
    return [
      ...this.monitors.device.lines.slice(since.device).filter(this.kind.isGone),
      ...this.monitors.host.lines.slice(since.host).filter(isForgotten),
    ];
  }

  /** Resolves when the device has let go of our route since then, or has it again. */
  async deviceSays(what: 'isGone' | 'isThere', since: ReturnType<RestartWorld['now']>): Promise<void> {
    await this.monitors.device.said(this.kind[what], `our route ${what} at the device`, since.device);
  }

  /** 50 packets a second from the client to the host, and their answers. Resolves when they flow. */
  async startTraffic(): Promise<Program> {
    const command = ['ip', 'netns', 'exec', 'client', 'ping', '-n', '-i', '0.02', doublezeroIp];
    const traffic = this.veth.start('device', ...command);
    await traffic.said(line => line.includes(' icmp_seq=25 '), '25 answers');
    return traffic;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.veth[Symbol.asyncDispose]();
  }
}

/** How many packets between the first and the last answered one were not. */
export async function lostPackets(traffic: Program): Promise<number> {
  traffic.signal('SIGINT');
  await traffic.ended();
  const numbers = traffic.lines.flatMap(line => {
    const [, number] = /bytes from .* icmp_seq=(\d+) /.exec(line) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
  return (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1 - new Set(numbers).size;
}
