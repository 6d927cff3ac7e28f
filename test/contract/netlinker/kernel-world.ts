import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {KernelNetlinker} from '../../../src/netlink/kernel.js';
import type {GreTunnel, Netlinker, Rule} from '../../../src/netlink/netlinker.js';
import {routeProtocol} from '../../../src/netlink/netlinker.js';
import type {Plan} from './socket-plan.js';
import {endPrograms, type SocketProgram, startPrograms} from './socket-programs.js';
import type {SocketWorld} from './sockets.js';
import {ip, raise, route} from './world.js';

const run = promisify(execFile);

const defaultRoute = route('0.0.0.0/0', {
  gateway: ip('192.0.2.254'),
  interface: 'eth0',
  protocol: routeProtocol.boot,
});

/** Several `ip` commands in one process: in user-mode Linux each start of one takes 30 ms. */
export const ipCommands = (...commands: string[]): Promise<unknown> =>
  run('sh', ['-c', `ip -batch - <<'END'\n${commands.join('\n')}\nEND`]);

/** Makes this namespace the host that `ordinaryHost` describes. */
export const prepareHost = (): Promise<unknown> =>
  ipCommands(
    'link set lo up',
    'link add eth0 type veth peer name eth0-peer',
    'link set eth0-peer up',
    'link set eth0 up',
    'address add 192.0.2.1/24 dev eth0',
    'route add default via 192.0.2.254 dev eth0',
  );

const isStandard = ({priority}: Rule): boolean => priority === 0 || priority >= 32_766;

/** Takes away what a test left behind. */
async function clear(netlinker: Netlinker): Promise<void> {
  for (const name of ['doublezero0', 'doublezero1']) if (await netlinker.link(name)) await netlinker.tunnelDelete(name);
  for (const rule of await netlinker.rules()) if (!isStandard(rule)) await netlinker.ruleDelete(rule);
  const left = await netlinker.routes({interface: 'eth0'});
  await netlinker.routesDelete(left.filter(({protocol}) => protocol !== routeProtocol.kernel));
  await netlinker.routesReplace([defaultRoute]);
}

export async function openKernel(): Promise<Netlinker> {
  const netlinker = await KernelNetlinker.open();
  await clear(netlinker);
  return netlinker;
}

/** A kernel without GRE: a virtual Ethernet device takes the tunnel's place and is in all else treated the same. */
export async function openKernelWithVeth(): Promise<Netlinker> {
  const kernel = await openKernel();
  const tunnelAdd = async ({name, mtu}: GreTunnel) => {
    const peer = `${name}p`;
    await ipCommands(`link add ${name} mtu ${mtu} type veth peer name ${peer}`, `link set ${peer} up`);
  };
  return new Proxy(kernel, {
    get(target, property) {
      if (property === 'tunnelAdd') return tunnelAdd;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** The programs of the plan are processes here. */
export interface ProcessWorld extends SocketWorld {
  readonly programs: ReadonlyMap<string, SocketProgram>;
}

export const withPrograms =
  (open: () => Promise<Netlinker>) =>
  async (plan: Plan): Promise<ProcessWorld> => {
    const netlinker = await open();
    await raise(netlinker);
    const programs = await startPrograms(plan);
    const pids = new Map([...programs].map(([name, {pid}]) => [name, pid]));
    const dispose = async () => {
      await endPrograms(programs);
      await netlinker[Symbol.asyncDispose]();
    };
    return {netlinker, programs, pids, [Symbol.asyncDispose]: dispose};
  };
