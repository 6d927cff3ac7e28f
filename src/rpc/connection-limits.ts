import type {Server, Socket} from 'node:net';
import {type TLSSocket, Server as TlsServer} from 'node:tls';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {LimitReports} from './limit-reports.js';

export interface ConnectionLimits {
  /** Connections at a time. */
  readonly max: number;
  /** Milliseconds from the connection until it has said what every client of HTTP/2 says first. */
  readonly handshakeMs: number;
  /** Name of the listener in metrics and the log. */
  readonly listener: string;
  readonly metrics: Pick<Metrics, 'connections' | 'limited'>;
  readonly log: Logger;
}

/** The preface and a SETTINGS frame without settings, RFC 9113 §3.4 and §4.1. What else is sent is no HTTP/2, and ended. */
const firstOctets = 24 + 9;

/**
 * Bounds the connections of a server. To be called before it listens. A socket that is refused is destroyed before the
 * server's other listeners see it: they have to look at `destroyed`, as those of `tls.Server` do.
 */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const isTls = server instanceof TlsServer;
  const connections = new LimitedConnections(limits, isTls);
  server.prependListener('connection', socket => connections.add(socket));
  if (isTls) server.prependListener('secureConnection', socket => connections.secured(socket));
}

interface Connection {
  readonly socket: Socket;
  readonly peer: string | undefined;
  /** Where the octets of HTTP/2 are counted; `undefined` until TLS is through. */
  clear: Socket | undefined;
}

/**
 * Where all places are taken, the one that has been silent for the longest has to leave: somebody who opens connections and
 * says nothing on them cannot hold the places of those who do. Only where all have spoken is the newcomer refused.
 */
class LimitedConnections {
  readonly #open = new Set<Connection>();
  /** In the order they came; those that have spoken meanwhile are taken out when it matters. */
  readonly #silent = new Set<Connection>();
  /** Those that TLS is not through with. */
  readonly #byPeer = new Map<string, Connection>();
  readonly #reports: LimitReports;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly isTls: boolean,
  ) {
    this.#reports = new LimitReports(limits.metrics, limits.log);
    this.#count();
  }

  add(socket: Socket): void {
    const connection = {socket, peer: peerOf(socket), clear: this.isTls ? undefined : socket};
    if (this.#open.size >= this.limits.max && !this.#makeRoom()) {
      this.#drop('max-connections', connection);
      return;
    }
    this.#open.add(connection);
    this.#silent.add(connection);
    if (this.isTls && connection.peer !== undefined) this.#byPeer.set(connection.peer, connection);
    this.#count();
    const timer = setTimeout(() => this.#judge(connection), this.limits.handshakeMs).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#remove(connection);
    });
  }

  /** TLS is through: a certificate was shown, and is good. */
  secured(socket: TLSSocket): void {
    const connection = this.#byPeer.get(peerOf(socket) ?? '');
    if (connection) connection.clear = socket;
  }

  /** Whether there is room for another one now. */
  #makeRoom(): boolean {
    for (const connection of this.#silent) {
      this.#silent.delete(connection);
      if (hasSpoken(connection)) continue;
      this.#drop('max-connections', connection);
      this.#remove(connection); // its `close` comes later
      return true;
    }
    return false;
  }

  #judge(connection: Connection): void {
    this.#silent.delete(connection);
    if (!hasSpoken(connection)) this.#drop('handshake-timeout', connection);
  }

  #drop(limit: 'max-connections' | 'handshake-timeout', {socket, peer}: Connection): void {
    this.#reports.met(limit, {listener: this.limits.listener, ...(peer === undefined ? {} : {peer})});
    socket.destroy();
  }

  #remove(connection: Connection): void {
    this.#open.delete(connection);
    this.#silent.delete(connection);
    const {peer} = connection;
    if (peer !== undefined && this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer);
    this.#count();
  }

  #count(): void {
    const {listener, metrics} = this.limits;
    metrics.connections.set({listener}, this.#open.size);
  }
}

const hasSpoken = ({clear}: Connection): boolean => clear !== undefined && clear.bytesRead >= firstOctets;

/** Both ends of TLS have it, the raw socket and the other one; Unix sockets have none. */
const peerOf = ({remoteAddress, remotePort}: Socket): string | undefined =>
  remotePort === undefined ? undefined : `${remoteAddress}:${remotePort}`;
