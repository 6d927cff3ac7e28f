import {encodeHeartbeatDatagram} from './heartbeat-datagram.js';
import {decodeIpv4Datagram, type Ipv4Datagram, ipv4HeaderLength} from './ipv4-datagram.js';
import {allPimRouters, pimProtocol} from './pim/message.js';
import {
  type HeartbeatSocket,
  type HeartbeatSocketOptions,
  type MulticastSockets,
  type PimSocket,
  type PimSocketOptions,
  SocketError,
} from './sockets.js';

export interface MemoryNetwork {
  /** Octets. */
  readonly mtu?: number;
  /** Whether there is an interface of that name. */
  readonly hasInterface?: (name: string) => boolean;
  /** Called with each datagram that a socket sends. */
  readonly onSent?: (datagram: Ipv4Datagram) => void;
}

/** A port from the range the kernel takes them from. */
const ephemeralPort = 40_000;

const closed = (operation: string) => new SocketError(operation, 'other', 'EBADF');

/** A model of one wire with interfaces on it: what is sent on one is heard on all others, at once and without loss. */
export class MemorySockets implements MulticastSockets {
  readonly #network: Required<MemoryNetwork>;
  readonly #open = new Map<PimSocket, PimSocketOptions>();

  constructor({mtu = 1476, hasInterface = () => true, onSent = () => undefined}: MemoryNetwork = {}) {
    this.#network = {mtu, hasInterface, onSent};
  }

  async openPim(options: PimSocketOptions): Promise<PimSocket> {
    if (!this.#network.hasInterface(options.interface)) throw new SocketError('setsockopt', 'missing', 'ENODEV');
    const socket: PimSocket = {
      send: (payload, destination, ttl) => {
        if (!this.#open.has(socket)) throw closed('sendto');
        this.#transmit(options, {source: options.source, destination, ttl, protocol: pimProtocol, payload});
      },
      close: () => void this.#open.delete(socket),
    };
    this.#open.set(socket, options);
    return socket;
  }

  async openHeartbeat({source}: HeartbeatSocketOptions): Promise<HeartbeatSocket> {
    let isOpen = true;
    return {
      send: async group => {
        if (!isOpen) throw closed('send');
        const datagram = decodeIpv4Datagram(encodeHeartbeatDatagram({source, group, sourcePort: ephemeralPort}));
        if (datagram) this.#network.onSent(datagram);
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  #transmit({interface: sender}: PimSocketOptions, datagram: Ipv4Datagram): void {
    const {hasInterface, mtu, onSent} = this.#network;
    if (!hasInterface(sender)) throw new SocketError('sendto', 'missing', 'ENODEV');
    if (ipv4HeaderLength + datagram.payload.length > mtu) throw new SocketError('sendto', 'other', 'EMSGSIZE');
    onSent(datagram);
    const {destination} = datagram;
    for (const {interface: name, source, hearsAllRouters, onDatagram} of [...this.#open.values()]) {
      const isHeard = destination === (hearsAllRouters ? allPimRouters : source);
      if (name !== sender && isHeard) onDatagram(datagram);
    }
  }
}
