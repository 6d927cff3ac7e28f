import type {Socket} from 'node:net';
import {type ConnectionInjector, Server, ServerCredentials} from '@grpc/grpc-js';
import {Allowance} from '../access/allowance.js';
import type {AuditTrail} from '../access/audit.js';
import {CallRate} from '../access/call-rate.js';
import type {Caller} from '../access/caller.js';
import {localCallerOf} from '../access/peer-credentials.js';
import type {PolicySource} from '../access/policy.js';
import {Quarantine} from '../access/quarantine.js';
import {WatchCount} from '../access/watch-count.js';
import type {Limits} from '../config/limits.js';
import type {Logger} from '../telemetry/logger.js';
import type {Metrics} from '../telemetry/metrics.js';
import {CallReports} from './call-reports.js';
import {limitConnections} from './connection-limits.js';
import {type Connection, Connections, partyOf} from './connections.js';
import {dropEndedCalls} from './ended-calls.js';
import {Gate} from './gate.js';
import {HandshakeReports} from './handshake-reports.js';
import {Health} from './health.js';
import {serverOptions} from './limits.js';
import {formatListenAddress, type ListenAddress} from './listen-address.js';
import {type Accepted, type Listener, type ListenerOptions, openListener} from './listener.js';
import {addReflection} from './reflection.js';
import {addTunnelService, type TunnelRpcs} from './rpcs.js';
import {SessionGuard} from './session-guard.js';
import {OpenStreams} from './streams.js';
import type {TlsSource} from './tls-credentials.js';

export interface TunnelServerOptions {
  /** At least one. */
  readonly addresses: readonly ListenAddress[];
  readonly rpcs: TunnelRpcs;
  /** Who may call what. */
  readonly policy: PolicySource;
  /** Where changes and refusals are written down. */
  readonly audit: AuditTrail;
  readonly limits: Limits;
  /** What listeners with TLS show and ask for; they cannot be without. */
  readonly tls?: TlsSource | undefined;
  /** Who is at the other end of a Unix socket. Where it throws, the connection is refused. */
  readonly localCaller?: (socket: Socket) => Caller;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Milliseconds that running calls get to finish at `close`. Default: 10,000. */
  readonly graceMs?: number | undefined;
}

/** Time to tell callers that their calls are cut off, before the connections are. */
const resetMs = 200;

/** The gRPC server: TunnelService, health and reflection, on every listener. */
export class TunnelServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #injector: ConnectionInjector;
  readonly #guard: SessionGuard;
  readonly #quarantine = new Quarantine({duration: 10_000});
  readonly #connections = new Connections();
  readonly #gate: Gate;
  readonly #streams = new OpenStreams();
  readonly #listeners: Listener[] = [];
  readonly #health: Health;
  readonly #graceMs: number;
  readonly #waiting = new Map<Socket, Connection>();
  #isServing = false;
  #closed: Promise<void> | undefined;

  private constructor({rpcs, policy, audit, limits, metrics, log, graceMs = 10_000}: TunnelServerOptions) {
    this.#graceMs = graceMs;
    this.#server = new Server({...serverOptions(limits), interceptors: [dropEndedCalls]});
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#guard = new SessionGuard(this.#server, {
      limits,
      metrics,
      log,
      partyOf: key => this.#connections.partyOf(key),
      onAbuse: party => this.#quarantine.add(party),
    });
    const reports = new CallReports({log, metrics, audit});
    const allowance = new Allowance(new CallRate({perMinute: limits.changes}));
    this.#gate = new Gate({
      policy,
      allowance,
      connections: this.#connections,
      onRefusal: refusal => reports.refused(refusal),
    });
    const services = this.#streams.registry(this.#gate.registry(this.#server));
    addTunnelService(services, rpcs, {
      gate: this.#gate,
      allowance,
      audit,
      watchers: new WatchCount(limits.watchers),
      metrics,
      reports,
    });
    this.#health = new Health(services);
    addReflection(services);
  }

  /**
   * Starts to listen on all the addresses, or on none. Who connects is answered from `serve` on.
   *
   * @throws {ListenError}
   */
  static async listen(options: TunnelServerOptions): Promise<TunnelServer> {
    const {addresses, limits, tls, localCaller = localCallerOf, metrics, log} = options;
    const server = new TunnelServer(options);
    const failures = new HandshakeReports(metrics, log);
    const listening: ListenerOptions = {
      tls,
      localCaller,
      handshakeTimeout: limits.handshake,
      onConnection: accepted => server.#accept(accepted),
      onFailure: failure => failures.report(failure),
      prepare: (listener, address) =>
        limitConnections(listener, {
          max: limits.connections,
          handshakeMs: limits.handshake,
          listener: formatListenAddress(address),
          metrics,
          log,
        }),
    };
    try {
      for (const address of addresses) {
        // Own sockets, not bindAsync: its errors say neither which address nor why, and a socket's mode comes too late.
        server.#listeners.push(await openListener(address, listening));
      }
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** The addresses as bound, in the order asked for: `unix:/run/…`, `127.0.0.1:7300`. */
  get addresses(): string[] {
    return this.#listeners.map(({address}) => address);
  }

  /** Starts to answer, those first who have connected meanwhile. */
  serve(): void {
    this.#isServing = true;
    for (const [socket, connection] of this.#waiting) this.#accept({socket, ...connection});
    this.#waiting.clear();
  }

  /** Health turns NOT_SERVING, so that no new work is sent here; calls are still answered. */
  stopServing(): void {
    this.#health.notServing();
  }

  /**
   * Ends the streams with UNAVAILABLE, takes no more calls, and lets the running ones finish, up to the time of grace.
   * Resolves when every connection is closed and the socket files are gone. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept({socket, ...connection}: Accepted): void {
    if (this.#quarantine.has(partyOf(connection.caller))) {
      socket.destroy();
      return;
    }
    if (this.#isServing) {
      this.#connections.add(socket, connection);
      this.#injector.injectConnection(socket);
      return;
    }
    socket.pause();
    socket.once('error', () => {}); // who does not wait takes nothing along
    socket.once('close', () => this.#waiting.delete(socket));
    this.#waiting.set(socket, connection);
  }

  async #shutDown(): Promise<void> {
    this.stopServing();
    for (const socket of this.#waiting.keys()) socket.destroy();
    const listenersClosed = Promise.all(this.#listeners.map(listener => listener.close()));
    this.#streams.end();
    // Every session says goodbye (GOAWAY) and closes with its last call. Not `drain` before: it would have the sessions
    // marked as closing, and tryShutdown does not wait for those. Whether all is over the listeners know best.
    this.#server.tryShutdown(() => {});
    const timers = [
      setTimeout(() => this.#injector.drain(0), this.#graceMs), // resets what still runs, so that callers know
      setTimeout(() => {
        for (const listener of this.#listeners) listener.destroyConnections();
      }, this.#graceMs + resetMs),
    ];
    try {
      await listenersClosed;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#server.forceShutdown();
      this.#guard[Symbol.dispose]();
      this.#gate[Symbol.dispose]();
    }
  }
}
