import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import {anonymous, type Caller} from '../access/caller.js';
import type {HandshakeFailure} from './handshake-failure.js';
import {formatListenAddress, type ListenAddress} from './listen-address.js';
import {ListenError} from './listen-error.js';
import {peerOf} from './peer.js';
import type {TlsSource} from './tls-credentials.js';
import {createTlsServer} from './tls-server.js';
import {listenOnUnixSocket} from './unix-socket.js';

/** A connection of which is known who is at the other end. */
export interface Accepted {
  /** With TLS a `TLSSocket`, whose handshake is done. */
  readonly socket: Socket;
  readonly caller: Caller;
  /** Where it came from: `192.0.2.1:40000`, `[2001:db8::1]:40000`; or the Unix socket it came through, `unix:/run/…`. */
  readonly peer: string;
}

export interface ListenerOptions {
  readonly onConnection: (connection: Accepted) => void;
  /** Called with each connection that came to nothing. */
  readonly onFailure: (failure: HandshakeFailure) => void;
  /** Who is at the other end of a Unix socket. Where it throws, the connection is refused. */
  readonly localCaller: (socket: Socket) => Caller;
  /** What listeners with TLS show and ask for; they cannot be without. */
  readonly tls?: TlsSource | undefined;
  /** Milliseconds that a TLS handshake may take. */
  readonly handshakeTimeout: number;
  /**
   * Called before the server listens, so that it can be given limits; sockets that these destroy go no further. Its
   * `connection` events are of bare TCP.
   */
  readonly prepare?: (server: Server, address: ListenAddress) => void;
}

/** Something that accepts connections and hands them on. */
export interface Listener {
  /** The address as bound: with the port that was taken for port 0. */
  readonly address: string;
  /**
   * Stops accepting, and ends handshakes that are not done; resolves when the connections it accepted have ended.
   * Idempotent.
   */
  close(): Promise<void>;
  /** Ends the connections it accepted, at once. */
  destroyConnections(): void;
}

/** @throws {ListenError} */
export async function openListener(address: ListenAddress, options: ListenerOptions): Promise<Listener> {
  const connections = new Set<Socket>();
  const {server, release: releaseTls} = createServerFor(address, options);
  // With TLS these are the bare connections, those in the middle of a handshake among them.
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  options.prepare?.(server, address);
  const bound = await listen(server, address).catch(error => {
    releaseTls();
    throw error;
  });
  // Failing to accept one connection, for want of a file descriptor for example, is no reason to stop accepting.
  server.on('error', () => {});
  let closed: Promise<void> | undefined;
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    releaseTls();
    await bound.release();
    await closed;
  };
  return {
    address: bound.address,
    close() {
      closed ??= close();
      return closed;
    },
    destroyConnections() {
      for (const socket of connections) socket.destroy();
    },
  };
}

type UnixAddress = Extract<ListenAddress, {kind: 'unix'}>;
type TcpAddress = Extract<ListenAddress, {kind: 'tcp'}>;

interface PreparedServer {
  readonly server: Server;
  /** Ends what was begun for the server. */
  readonly release: () => void;
}

function createServerFor(address: ListenAddress, options: ListenerOptions): PreparedServer {
  if (address.kind === 'unix') return createUnixServer(formatListenAddress(address), options);
  if (!address.tls) return createPlainServer(options);
  if (options.tls) return createTlsServer({...options, tls: options.tls});
  throw new ListenError(address.flag, `"${formatListenAddress(address)}" needs TLS, and there are no files for it`);
}

function createUnixServer(peer: string, {localCaller, onConnection, onFailure}: ListenerOptions): PreparedServer {
  const server = createServer(socket => {
    if (socket.destroyed) return; // a limit was met
    let caller: Caller;
    try {
      caller = localCaller(socket);
    } catch (error) {
      socket.destroy();
      onFailure({reason: 'credentials', peer, detail: (error as Error).message});
      return;
    }
    onConnection({socket, caller, peer});
  });
  return {server, release: () => {}};
}

function createPlainServer({onConnection}: ListenerOptions): PreparedServer {
  const server = createServer(socket => {
    const peer = peerOf(socket);
    if (peer === undefined)
      socket.destroy(); // the other end has gone already
    else onConnection({socket, caller: anonymous, peer});
  });
  return {server, release: () => {}};
}

const listen = (server: Server, address: ListenAddress) =>
  address.kind === 'unix' ? listenOnPath(server, address) : listenOnPort(server, address);

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
