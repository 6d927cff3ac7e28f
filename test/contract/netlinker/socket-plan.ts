import {formatIpv4} from '../../../src/ip/ipv4.js';
import type {HostSocket, SocketEndpoint, SocketHolder} from '../../../src/netlink/host-socket.js';
import {ip} from './world.js';

/** `address:port`; the address may be mapped into IPv6. */
export type EndpointText = string;

export type SocketPlan =
  | {readonly kind: 'tcp-listener'; readonly at: EndpointText}
  /** `to` is a listener of an earlier program, which accepts. */
  | {readonly kind: 'tcp-connection'; readonly at: EndpointText; readonly to: EndpointText}
  | {readonly kind: 'udp'; readonly at: EndpointText; readonly to?: EndpointText};

/** Programs by their names, started in order, and the sockets they open. */
export type Plan = Readonly<Record<string, readonly SocketPlan[]>>;

/** The prefix ::ffff:0:0/96. */
const mapped = '::ffff:';

function endpoint(text: EndpointText): SocketEndpoint {
  const colon = text.lastIndexOf(':');
  return {address: ip(text.slice(0, colon).replace(mapped, '')), port: Number(text.slice(colon + 1))};
}

const endpointText = ({address, port}: SocketEndpoint): EndpointText => `${formatIpv4(address)}:${port}`;

const socketText = ({protocol, state, local, remote}: HostSocket): string =>
  `${protocol} ${state} ${endpointText(local)}${remote === undefined ? '' : ` to ${endpointText(remote)}`}`;

/** Sorted: the order is the implementation's own. */
export const socketsText = (sockets: readonly HostSocket[]): string[] => sockets.map(socketText).sort();

/** What a plan comes to, for a host that is only a model. */
export function modelPrograms(plan: Plan): SocketHolder[] {
  const programs = new Map<string, HostSocket[]>(Object.keys(plan).map(name => [name, []]));
  const listeners = new Map<EndpointText, string>();
  // The programs of a real host are started by the tests.
  const uid = process.getuid?.() ?? 0;
  let inode = 1000;
  const open = (name: string, socket: Omit<HostSocket, 'uid' | 'inode'>) =>
    programs.get(name)?.push({...socket, uid, inode: inode++});
  for (const [name, sockets] of Object.entries(plan))
    for (const socket of sockets) {
      const local = endpoint(socket.at);
      if (socket.kind === 'tcp-listener') {
        open(name, {protocol: 'tcp', local, state: 'listen'});
        listeners.set(socket.at, name);
        continue;
      }
      const remote = socket.to === undefined ? undefined : endpoint(socket.to);
      const state = remote === undefined ? 'close' : 'established';
      open(name, {protocol: socket.kind === 'udp' ? 'udp' : 'tcp', local, remote, state});
      const acceptor = socket.kind === 'tcp-connection' ? listeners.get(socket.to) : undefined;
      if (acceptor !== undefined && remote !== undefined)
        open(acceptor, {protocol: 'tcp', local: remote, remote: local, state});
    }
  return [...programs].map(([command, sockets], index) => ({pid: 1000 + index, command, sockets}));
}
