import type {Socket} from 'node:net';
import {Server, ServerCredentials} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';
import {Health} from './health.js';
import {serverOptions} from './limits.js';
import type {ListenAddress} from './listen-address.js';
import {type Listener, openListener} from './listener.js';
import {addReflection} from './reflection.js';
import {addTunnelService, type TunnelRpcs} from './rpcs.js';
import {OpenStreams} from './streams.js';

export interface TunnelServerOptions {
  /** At least one. */
  readonly addresses: readonly ListenAddress[];
  readonly rpcs: TunnelRpcs;
  readonly log: Logger;
  /** Milliseconds that running calls get to finish at `close`. Default: 10,000. */
  readonly graceMs?: number | undefined;
}

/** Time to tell callers that their calls are cut off, before the connections are. */
const resetMs = 200;

/** The gRPC server: TunnelService, health and reflection, on every listener. */
export class TunnelServer implements AsyncDisposable {
  readonly #server = new Server(serverOptions);
  readonly #injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  readonly #streams = new OpenStreams();
  readonly #listeners: Listener[] = [];
  readonly #health: Health;
  readonly #graceMs: number;
  readonly #waiting = new Set<Socket>();
  #isServing = false;
  #closed: Promise<void> | undefined;

  private constructor({rpcs, log, graceMs = 10_000}: TunnelServerOptions) {
    this.#graceMs = graceMs;
    const services = this.#streams.registry(this.#server);
    addTunnelService(services, rpcs, log);
    this.#health = new Health(services);
    addReflection(services);
  }

  /**
   * Starts to listen on all the addresses, or on none. Who connects is answered from `serve` on.
   *
   * @throws {ListenError}
   */
  static async listen(options: TunnelServerOptions): Promise<TunnelServer> {
    const server = new TunnelServer(options);
    try {
      for (const address of options.addresses) {
        // Own sockets, not bindAsync: its errors say neither which address nor why, and a socket's mode comes too late.
        server.#listeners.push(await openListener(address, socket => server.#accept(socket)));
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
    for (const socket of this.#waiting) this.#accept(socket);
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

  #accept(socket: Socket): void {
    if (this.#isServing) {
      this.#injector.injectConnection(socket);
      return;
    }
    socket.pause();
    socket.once('error', () => {}); // who does not wait takes nothing along
    socket.once('close', () => this.#waiting.delete(socket));
    this.#waiting.add(socket);
  }

  async #shutDown(): Promise<void> {
    this.stopServing();
    for (const socket of this.#waiting) socket.destroy();
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
    }
  }
}
