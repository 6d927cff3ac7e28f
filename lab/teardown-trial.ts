import {setTimeout as delay} from 'node:timers/promises';
import type {Laboratory} from './laboratory.js';
import {patience} from './patience.js';
import {hostPrograms, now, type SocketEvent, SocketPrograms} from './socket-programs.js';
import {addresses} from './topology.js';

/** Milliseconds after the last step in which a program may still hear something, or let something out. */
const aftermath = patience * 500;

/** Addresses the host has only while the tunnel is there. */
export const overlayAddresses = ['169.254.0.1', addresses.doublezeroIp] as const;

export interface Ends {
  /** The vanishing address that programs have their sockets on. */
  readonly local: string;
  /** An address at the other side of the tunnel. */
  readonly far: string;
  /** Where datagrams are sent to, a group perhaps. */
  readonly sink: string;
}

/** What came of taking a tunnel away under programs that use it. Times are milliseconds after the call. */
export interface Trial {
  /** What each program heard, by its name. */
  readonly heard: ReadonlyMap<string, readonly SocketEvent[]>;
  /** The device's side of the TCP connections. */
  readonly peer: readonly SocketEvent[];
  /** TCP resets from overlay addresses that came through the tunnel. */
  readonly resets: readonly SocketEvent[];
  /** Packets from overlay addresses that left by the public interface. */
  readonly leaked: readonly SocketEvent[];
  /** When the interface was gone. */
  readonly deletedAt: number;
}

/** The device's end, which outlives the trials. */
export const startFarEnd = (lab: Laboratory): Promise<SocketPrograms> =>
  SocketPrograms.start(lab.device, ['device'], 'device', 'tunnel0', 'underlay', ...overlayAddresses);

/** Has programs use the tunnel, takes it away, and resolves to what they heard of that. */
export async function tryOut(
  lab: Laboratory,
  name: string,
  {local, far, sink}: Ends,
  farEnd: SocketPrograms,
  takeAway: () => Promise<unknown>,
): Promise<Trial> {
  await using programs = await SocketPrograms.start(lab.host, hostPrograms, 'host', local, far, sink);
  lab.links.events.length = 0;
  const [call, epoch] = [now(), Date.now()];
  await takeAway();
  const deleted = await lab.links.seen(name, 'deleted');
  await delay(aftermath);
  const since = (side: SocketPrograms, program: string) =>
    side.of(program, call).map(event => ({...event, time: event.time - call}));
  return {
    heard: new Map([...hostPrograms, 'epoll-loop-TCP', 'epoll-loop-UDP'].map(each => [each, since(programs, each)])),
    peer: since(farEnd, 'peer'),
    resets: since(farEnd, 'tunnel'),
    leaked: since(farEnd, 'public'),
    deletedAt: deleted.time - epoch,
  };
}
