import {formatIpv4, type Ipv4, parseIpv4} from '../../../src/ip/ipv4.js';
import type {Ipv4Datagram} from '../../../src/multicast/ipv4-datagram.js';
import {LinkBoundSpeaker} from '../../../src/multicast/link-bound-speaker.js';
import {MemorySockets} from '../../../src/multicast/memory-sockets.js';
import {decodeHello, encodeHello, type Hello} from '../../../src/multicast/pim/hello.js';
import {decodeJoinPrune} from '../../../src/multicast/pim/join-prune.js';
import {allPimRouters, decodeMessage, pimProtocol, pimType} from '../../../src/multicast/pim/message.js';
import {type MulticastSockets, type PimSocket, SocketError} from '../../../src/multicast/sockets.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {silentLogger} from '../../world.js';
import {ManualClock, settled} from './manual-clock.js';

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

export const tunnel = 'doublezero1';
const [localAddress, peerAddress] = [ip('169.254.0.1'), ip('169.254.0.0')];
const [rp, source] = [ip('10.0.0.0'), ip('10.99.0.1')];
const device = {name: tunnel, local: ip('192.0.2.1'), remote: ip('192.0.2.2'), ttl: 64, mtu: 1476};

const groupsOf = (groups: readonly string[]) => groups.map(ip);
export const pim = (...groups: string[]) => ({localAddress, peerAddress, rp, groups: groupsOf(groups)});
export const register = (...groups: string[]) => ({localAddress, rp, source, groups: groupsOf(groups)});
export const heartbeat = (...groups: string[]) => ({localAddress, source, groups: groupsOf(groups)});

/** What was sent, in words: `join 239.0.0.1 239.0.0.2 for 120 s`. */
function describe({protocol, destination, payload, ttl}: Ipv4Datagram): string {
  if (protocol !== pimProtocol) return `heartbeat ${formatIpv4(destination)}`;
  const {type} = decodeMessage(payload);
  if (type === pimType.hello) return `hello for ${decodeHello(payload).holdtime} s`;
  if (type === pimType.register) return `register of ${formatIpv4(innerGroup(payload))} to ${formatIpv4(destination)}`;
  const {groups, holdtime} = decodeJoinPrune(payload);
  const what = groups.every(({joins}) => joins.length === 1) ? 'join' : 'prune';
  const scope = ttl === 1 && destination === allPimRouters ? '' : ' to the wrong place';
  return `${what} ${groups.map(({group}) => formatIpv4(group)).join(' ')} for ${holdtime} s${scope}`;
}

const innerGroup = (payload: Uint8Array): Ipv4 =>
  new DataView(payload.buffer, payload.byteOffset).getUint32(8 + 16) as Ipv4;

/** Sockets that refuse what they are told to. */
class Refusing implements MulticastSockets {
  /** Errno of every send, or of opening; none where it is empty. */
  sendErrno = '';
  openErrno = '';
  opened = 0;

  constructor(private readonly inner: MemorySockets) {}

  async openPim(options: Parameters<MulticastSockets['openPim']>[0]): Promise<PimSocket> {
    this.#refuseOpening();
    const socket = await this.inner.openPim(options);
    const send: PimSocket['send'] = (...args) => {
      if (this.sendErrno !== '') throw new SocketError('sendto', 'other', this.sendErrno);
      socket.send(...args);
    };
    return {send, close: () => socket.close()};
  }

  async openHeartbeat(options: Parameters<MulticastSockets['openHeartbeat']>[0]) {
    this.#refuseOpening();
    const socket = await this.inner.openHeartbeat(options);
    const send = async (group: Ipv4) => {
      if (this.sendErrno !== '') throw new SocketError('send', 'other', this.sendErrno);
      await socket.send(group);
    };
    return {send, close: () => socket.close()};
  }

  #refuseOpening(): void {
    if (this.openErrno !== '') throw new SocketError('socket', 'other', this.openErrno);
    this.opened += 1;
  }
}

/** A speaker on a tunnel of a model host, a wire with the device at its other end, and time that stands still. */
export async function openWorld(chance?: readonly number[]) {
  const clock = new ManualClock(chance);
  const netlinker = new MemoryNetlinker();
  const raise = async (other: Partial<typeof device> = {}) => {
    await netlinker.tunnelAdd({...device, ...other});
    await netlinker.tunnelUp(tunnel);
  };
  await raise();
  const sent: string[] = [];
  const datagrams: Ipv4Datagram[] = [];
  const wire = new MemorySockets({
    onSent(datagram) {
      if (datagram.source === peerAddress || datagram.source === rp) return;
      datagrams.push(datagram);
      sent.push(describe(datagram));
    },
  });
  const sockets = new Refusing(wire);
  const speaker = new LinkBoundSpeaker({netlinker, sockets, clock, log: silentLogger()});
  const events: string[] = [];
  speaker.onNeighborChange(name => events.push(`${name} ${speaker.status(name)?.neighbor?.state}`));

  const far = {interface: 'far', index: 9, hearsAllRouters: false, onDatagram: () => undefined};
  const peer = await wire.openPim({...far, source: peerAddress});
  const rendezvousPoint = await wire.openPim({...far, source: rp});
  return {
    clock,
    netlinker,
    speaker,
    sockets,
    events,
    datagrams,
    raise,
    /** What has been sent since this was last asked. */
    async sent(): Promise<string[]> {
      await settled();
      return sent.splice(0);
    },
    status: () => speaker.status(tunnel),
    /** A Hello of the device. */
    async hello(hello: Hello): Promise<void> {
      peer.send(encodeHello(hello), allPimRouters, 1);
      await settled();
    },
    /** Any message, from the device or from somebody else. */
    fromPeer: (message: Uint8Array) => peer.send(message, allPimRouters, 1),
    fromRp: (message: Uint8Array, destination = localAddress) => rendezvousPoint.send(message, destination, 255),
    [Symbol.asyncDispose]: () => speaker[Symbol.asyncDispose](),
  };
}
