import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type ChannelOptions, credentials, type Metadata, type ServiceError, status} from '@grpc/grpc-js';
import {
  TunnelServiceClient,
  TunnelServiceService,
} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {BadRequest, ErrorInfo} from '../../src/rpc/generated/google/rpc/error_details.js';
import {Status} from '../../src/rpc/generated/google/rpc/status.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import type {TunnelRpcs} from '../../src/rpc/rpcs.js';
import {RpcError} from '../../src/rpc/status.js';
import {TunnelServer, type TunnelServerOptions} from '../../src/rpc/tunnel-server.js';
import {type LogLine, recordingLog} from '../recording-log.js';
import {openAccess} from './access.js';

export {recordingLog};

const unimplemented = () => {
  throw new RpcError(status.UNIMPLEMENTED, 'not part of this test');
};
const change = {handle: unimplemented, summary: () => ({}), toJson: () => ({})};
const none = {
  ...Object.fromEntries(Object.keys(TunnelServiceService).map(name => [name, {handle: unimplemented}])),
  provisionTunnel: change,
  updateTunnel: change,
  removeTunnel: change,
} as unknown as TunnelRpcs;

/** Handlers for all RPCs: those given, and refusals. */
export const rpcsOf = (rpcs: Partial<TunnelRpcs>): TunnelRpcs => ({...none, ...rpcs});

export interface World extends AsyncDisposable {
  readonly server: TunnelServer;
  /** Client of the first address. */
  readonly client: TunnelServiceClient;
  readonly lines: LogLine[];
  connect(address: string, options?: ChannelOptions): TunnelServiceClient;
}

export const loopback = () => parseListenAddress('127.0.0.1:0');

/** A real server on a port of its own, with the handlers given. */
export async function serve(
  rpcs: Partial<TunnelRpcs> = {},
  options: Partial<TunnelServerOptions> = {},
): Promise<World> {
  const {lines, log} = recordingLog();
  const server = await TunnelServer.listen({
    ...openAccess(),
    addresses: [loopback()],
    rpcs: rpcsOf(rpcs),
    log,
    graceMs: 5000,
    ...options,
  });
  server.serve();
  const clients: TunnelServiceClient[] = [];
  const connect = (address: string, options: ChannelOptions = {}) => {
    const channelOptions = {'grpc.use_local_subchannel_pool': 1, ...options};
    const client = new TunnelServiceClient(address, credentials.createInsecure(), channelOptions);
    clients.push(client);
    return client;
  };
  return {
    server,
    lines,
    connect,
    client: connect(server.addresses[0] ?? ''),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

/** A folder of the test's own. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'rpc-plumbing-'));
  return {path, [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true})};
}

/** Settles with what a callback of grpc-js is called with. */
export const answer = <Response>(
  call: (callback: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    call((error, response) => (error ? reject(error) : resolve(response)));
  });

/** A promise and what resolves it; `Promise.withResolvers` is not in Node 20. */
export function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>(resolved => {
    resolve = resolved;
  });
  return {promise, resolve};
}

/** The details of an error, each message decoded where it is one of google.rpc's. */
export function detailsOf(metadata: Metadata) {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const {code, message, details} = Status.decode(Buffer.from(bytes ?? ''));
  const of = (type: string) => details.find(({typeUrl}) => typeUrl === `type.googleapis.com/${type}`)?.value;
  const [badRequest, errorInfo] = [of('google.rpc.BadRequest'), of('google.rpc.ErrorInfo')];
  return {
    code,
    message,
    of,
    violations: badRequest && BadRequest.decode(badRequest).fieldViolations,
    errorInfo: errorInfo && ErrorInfo.decode(errorInfo),
  };
}

/** Resolves with the error that ends a stream. */
export const endOf = (stream: NodeJS.EventEmitter): Promise<ServiceError> =>
  new Promise(resolve => {
    stream.once('error', resolve);
  });
