import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import {formatListenAddress, type ListenAddress} from './listen-address.js';
import {ListenError} from './listen-error.js';
import {listenOnUnixSocket} from './unix-socket.js';

/** Something that accepts connections and hands them on. */
export interface Listener {
  /** The address as bound: with the port that was taken for port 0. */
  readonly address: string;
  /** Stops accepting; resolves when the connections it accepted have ended. */
  close(): Promise<void>;
  /** Ends the connections it accepted, at once. */
  destroyConnections(): void;
}

/** @throws {ListenError} */
export async function openListener(address: ListenAddress, onConnection: (socket: Socket) => void): Promise<Listener> {
  const connections = new Set<Socket>();
  const server = createServer(socket => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (address.kind === 'unix') namePeer(socket, formatListenAddress(address));
    onConnection(socket);
  });
  const bound = address.kind === 'unix' ? await listenOnPath(server, address) : await listenOnPort(server, address);
  // Failing to accept one connection, for want of a file descriptor for example, is no reason to stop accepting.
  server.on('error', () => {});
  return {
    address: bound.address,
    async close() {
      const closed = once(server, 'close');
      server.close();
      await bound.release();
      await closed;
    },
    destroyConnections() {
      for (const socket of connections) socket.destroy();
    },
  };
}

type UnixAddress = Extract<ListenAddress, {kind: 'unix'}>;
type TcpAddress = Extract<ListenAddress, {kind: 'tcp'}>;

async function listenOnPath(server: Server, address: UnixAddress) {
  const release = await listenOnUnixSocket(server, address.path, address.flag);
  return {address: formatListenAddress(address), release};
}

async function listenOnPort(server: Server, address: TcpAddress) {
  try {
    server.listen({host: address.host, port: address.port});
    await once(server, 'listening');
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = inUse ? 'another program is listening there' : (error as Error).message;
    throw new ListenError(address.flag, `cannot listen on ${formatListenAddress(address)}: ${reason}`, {cause: error});
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return {address: formatListenAddress({...address, port}), release: async () => {}};
}

/** grpc-js takes a call's peer from the socket's `remoteAddress`, which a Unix socket has none of. */
function namePeer(socket: Socket, peer: string): void {
  Object.defineProperty(socket, 'remoteAddress', {value: peer});
}
