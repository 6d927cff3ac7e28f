import {formatIpv4, type Ipv4} from '../ip/ipv4.js';
import type {HostSocket, SocketEndpoint, SocketHolder} from '../netlink/host-socket.js';
import {type GreTunnel, NetlinkError, type Netlinker} from '../netlink/netlinker.js';
import type {Step} from './step.js';

/** What becomes of other programs' sockets on addresses that vanish: aborted, only named, or not looked at. */
export const abortModes = ['on', 'report', 'off'] as const;
export type AbortMode = (typeof abortModes)[number];

export interface SocketAbort {
  readonly netlinker: Netlinker;
  readonly mode: AbortMode;
  readonly device: GreTunnel;
  /** Those that go with the device. */
  readonly addresses: readonly Ipv4[];
}

/** Aborts sockets on the addresses, which wakes programs that a lowered interface would leave waiting. */
export const abortSockets = (step: string, {netlinker, mode, device, addresses}: SocketAbort): Step => ({
  step,
  advisory: true,
  async run(note) {
    if (mode === 'off') {
      note('skipped: --abort-sockets=off');
      return undefined;
    }
    const vanishing = await onlyOn(netlinker, device.name, addresses);
    if (mode === 'report') {
      const sockets = await netlinker.sockets(vanishing);
      note(describeHolders(sockets, await netlinker.socketHolders(sockets)));
      return undefined;
    }
    try {
      const aborted = await netlinker.socketsAbort(vanishing);
      if (aborted.length > 0) note(`aborted ${list(aborted)}`);
    } catch (error) {
      if (!(error instanceof NetlinkError && error.kind === 'unsupported')) throw error;
      note('skipped: this kernel cannot abort sockets (CONFIG_INET_DIAG_DESTROY)');
    }
    return undefined;
  },
});

/** Those that vanish with the device: what goes by address must leave one alone that another interface carries as well. */
export async function onlyOn(netlinker: Netlinker, name: string, addresses: readonly Ipv4[]): Promise<Ipv4[]> {
  const found: Ipv4[] = [];
  for (const address of addresses) {
    const owners = await netlinker.addressOwners(address);
    if (owners.length > 0 && owners.every(owner => owner === name)) found.push(address);
  }
  return found;
}

/** Sockets and processes named in a report; the rest is counted. */
const longestList = 16;

const endpoint = ({address, port}: SocketEndpoint): string => `${formatIpv4(address)}:${port}`;

const socketText = ({protocol, local, remote, state}: HostSocket): string =>
  `${protocol} ${endpoint(local)}${remote ? ` → ${endpoint(remote)}` : ''} ${state}`;

const list = (sockets: readonly HostSocket[]): string => shortened(sockets.map(socketText));

function shortened(texts: readonly string[]): string {
  const more = texts.length - longestList;
  return [...texts.slice(0, longestList), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

function describeHolders(sockets: readonly HostSocket[], holders: readonly SocketHolder[]): string {
  if (sockets.length === 0) return 'no program holds a socket on the addresses that vanish';
  const texts = holders.map(({pid, command, sockets: held}) => `${command} (${pid}): ${list(held)}`);
  const named = new Set(holders.flatMap(({sockets: held}) => held.map(({inode}) => inode)));
  const holderOf = ({uid, inode}: HostSocket): string =>
    inode === 0 ? 'no program' : `a program of uid ${uid} that cannot be seen`;
  // Programs of other users can only be looked into by privileges that the daemon may not have.
  const unseen = sockets.filter(({inode}) => !named.has(inode));
  for (const holder of new Set(unseen.map(holderOf))) {
    texts.push(`${holder}: ${list(unseen.filter(socket => holderOf(socket) === holder))}`);
  }
  return `left alone: ${shortened(texts)}`;
}
