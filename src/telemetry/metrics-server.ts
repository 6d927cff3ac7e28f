import {once} from 'node:events';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {Registry} from 'prom-client';
import {formatListenAddress, type ListenAddress, parseListenAddress} from '../rpc/listen-address.js';
import {ListenError} from '../rpc/listen-error.js';

const flag = '--metrics';
const path = '/metrics';

/**
 * Prometheus sends some hundred octets on one connection, every few seconds. Whoever holds all the connections can keep it
 * out until they time out, and nothing else.
 */
const connections = 16;
const requests = {maxHeaderSize: 4096, headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000};
/** For a reader that does not read, milliseconds without a sign of it. */
const silence = 10_000;

/** Serves metrics in the text format of Prometheus, at GET /metrics and nowhere else. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(
    private readonly registry: Registry,
    private readonly host: string,
  ) {
    this.#server = createServer(requests, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = connections;
    this.#server.setTimeout(silence);
  }

  /**
   * Listens on a loopback address, `HOST:PORT`: there is no TLS here, and no policy. Adds the metrics of Node.js and the
   * process to the registry; without a server nobody could read them, and some have a price.
   *
   * @throws {ListenError}
   */
  static async listen(text: string, registry: Registry): Promise<MetricsServer> {
    const address = loopbackAddress(text);
    const metricsServer = new MetricsServer(registry, address.host);
    const server = metricsServer.#server;
    try {
      server.listen({host: address.host, port: address.port});
      await once(server, 'listening');
    } catch (error) {
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const reason = inUse ? 'another program is listening there' : (error as Error).message;
      throw new ListenError(flag, `cannot listen on ${formatListenAddress(address)}: ${reason}`, {cause: error});
    }
    // Failing to accept one connection, for want of a file descriptor for example, is no reason to stop accepting.
    server.on('error', () => {});
    await addProcessMetrics(registry);
    return metricsServer;
  }

  /** The address as bound: with the port that was taken for port 0. */
  get address(): string {
    const bound = this.#server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return formatListenAddress({kind: 'tcp', host: this.host, port, tls: false, flag});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer({method, url}: IncomingMessage, response: ServerResponse): Promise<void> {
    // No connection is kept: there are few, and who asks once in a while needs none.
    response.setHeader('connection', 'close');
    if (url?.split('?', 1)[0] !== path) return refuse(response, 404, `Not found. Metrics are at ${path}.\n`);
    if (method !== 'GET') {
      response.setHeader('allow', 'GET');
      return refuse(response, 405, 'Only GET is allowed.\n');
    }
    try {
      const metrics = await this.registry.metrics();
      response.writeHead(200, {'content-type': this.registry.contentType}).end(metrics);
    } catch {
      refuse(response, 500, 'The metrics cannot be read.\n'); // of a collector, such as that of /proc; the next may do better
    }
  }
}

function loopbackAddress(text: string): Extract<ListenAddress, {readonly kind: 'tcp'}> {
  let cause: unknown;
  try {
    const address = parseListenAddress(text, flag);
    if (address.kind === 'tcp' && !address.tls) return address;
  } catch (error) {
    cause = error; // it speaks of what is possible for the API only
  }
  throw new ListenError(flag, `"${text}" is not HOST:PORT of a loopback address`, {cause});
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {'content-type': 'text/plain; charset=utf-8'}).end(text);
};

/** The delay of the event loop is sampled by a timer, which wakes an idle process as often; by default every 10 ms. */
const eventLoopMonitoringPrecision = 50;

async function addProcessMetrics(registry: Registry): Promise<void> {
  const {collectDefaultMetrics} = await import('prom-client');
  if (registry.getSingleMetric('process_start_time_seconds')) return;
  collectDefaultMetrics({register: registry, eventLoopMonitoringPrecision});
}
