import type {Libc} from '../../libc/libc.js';
import type {
  HeartbeatSocket,
  HeartbeatSocketOptions,
  MulticastSockets,
  PimSocket,
  PimSocketOptions,
} from '../sockets.js';
import {RawPimSocket} from './raw-pim-socket.js';
import {loadLibc} from './socket-calls.js';
import {UdpHeartbeatSocket} from './udp-heartbeat-socket.js';

/** Sockets of this machine's kernel. */
export class KernelSockets implements MulticastSockets {
  #libc: Promise<Libc> | undefined;

  constructor(private readonly load: () => Promise<Libc> = loadLibc) {}

  async openPim(options: PimSocketOptions): Promise<PimSocket> {
    this.#libc ??= this.load();
    return new RawPimSocket(await this.#libc, options);
  }

  openHeartbeat(options: HeartbeatSocketOptions): Promise<HeartbeatSocket> {
    return UdpHeartbeatSocket.open(options);
  }
}
