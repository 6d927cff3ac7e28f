import {createSocket, type Socket} from 'node:dgram';
import {once} from 'node:events';
import {formatIpv4, type Ipv4} from '../../ip/ipv4.js';
import {heartbeatPayload, heartbeatPort, heartbeatTtl} from '../heartbeat-datagram.js';
import type {HeartbeatSocket, HeartbeatSocketOptions} from '../sockets.js';
import {SocketError} from '../sockets.js';
import {refused} from './socket-calls.js';

function socketError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const operation = 'syscall' in error ? String(error.syscall) : 'socket';
  return refused(operation, error.code, {cause: error});
}

export class UdpHeartbeatSocket implements HeartbeatSocket {
  #closed: Promise<unknown> | undefined;

  private constructor(readonly socket: Socket) {
    // What the network reports of earlier datagrams; none is waited for, and the next one will tell as well.
    socket.on('error', () => undefined);
    socket.on('message', () => undefined);
  }

  static async open({source, egress}: HeartbeatSocketOptions): Promise<UdpHeartbeatSocket> {
    const socket = createSocket('udp4');
    try {
      socket.bind({address: formatIpv4(source), port: 0, exclusive: true});
      await once(socket, 'listening');
      socket.setMulticastInterface(formatIpv4(egress));
      socket.setMulticastTTL(heartbeatTtl);
      socket.setMulticastLoopback(false);
      return new UdpHeartbeatSocket(socket);
    } catch (error) {
      socket.close();
      throw socketError(error);
    }
  }

  send(group: Ipv4): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new SocketError('send', 'other', 'EBADF'));
    return new Promise((resolve, reject) => {
      this.socket.send(heartbeatPayload, heartbeatPort, formatIpv4(group), error =>
        error ? reject(socketError(error)) : resolve(),
      );
    });
  }

  async close(): Promise<void> {
    this.#closed ??= new Promise<void>(resolve => this.socket.close(resolve));
    await this.#closed;
  }
}
