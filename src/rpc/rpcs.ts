import type {handleServerStreamingCall, handleUnaryCall} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';
import {handleStream, handleUnary, type Serialize} from './calls.js';
import {encodedOnce} from './encoded-once.js';
import {type TunnelServiceServer, TunnelServiceService} from './generated/doublezero/tunnel/v1/tunnel_service.js';
import type {ServiceRegistry} from './streams.js';

/** What a handler may know of the call besides the request. */
export interface CallContext {
  /** Name of the RPC: `GetTunnel`. */
  readonly method: string;
  /** Address of the caller, `127.0.0.1:40000`, or of the Unix socket it came through, `unix:/run/…`. */
  readonly caller: string;
  /** Aborted when the caller gives up, its deadline passes, the daemon is about to stop, or the call is over. */
  readonly signal: AbortSignal;
}

export interface UnaryRpc<Request, Response> {
  /** What it throws becomes a status in `status.ts`. */
  handle(request: Request, context: CallContext): Response | Promise<Response>;
  /** Only on RPCs that change something: fields of the line that each call leaves in the log, say the spec in short. */
  summary?(request: Request): Readonly<Record<string, unknown>>;
  /** It answers with the same object again where nothing has changed, and never changes one: each is encoded once. */
  readonly repeats?: true;
}

export interface StreamContext extends CallContext {
  /** Ends the call with an error at once, also while it waits for a caller that does not read. */
  readonly cut: (error: Error) => void;
}

export interface StreamRpc<Request, Response> {
  /** Messages are taken only as fast as the caller reads. Has to end once `context.signal` is aborted. */
  handle(request: Request, context: StreamContext): AsyncIterable<Response>;
  /** The same object goes to many callers, and none is ever changed: each is encoded once. */
  readonly repeats?: true;
}

type RpcName = keyof TunnelServiceService;

/** A handler for each RPC of the service. */
export type TunnelRpcs = {
  readonly [Name in RpcName]: TunnelServiceServer[Name] extends handleUnaryCall<infer Request, infer Response>
    ? UnaryRpc<Request, Response>
    : TunnelServiceServer[Name] extends handleServerStreamingCall<infer Request, infer Response>
      ? StreamRpc<Request, Response>
      : never;
};

/** Adds the service to a server: late calls are refused, errors become status codes, changes are logged. */
export function addTunnelService(server: ServiceRegistry, rpcs: TunnelRpcs, log: Logger): void {
  const methods = (Object.keys(TunnelServiceService) as RpcName[]).map(name => {
    const {path, responseSerialize} = TunnelServiceService[name];
    const encode = responseSerialize as Serialize;
    const rpc = rpcs[name];
    const serialize = 'repeats' in rpc && rpc.repeats ? encodedOnce(encode) : encode;
    const method = {name: path.slice(path.lastIndexOf('/') + 1), serialize, log};
    const handler = isStream(name) ? handleStream(method, rpcs[name]) : handleUnary(method, rpcs[name]);
    // Serialized by the handler: a response that cannot be is an error like any other, and in the log.
    return {name, handler, definition: {...TunnelServiceService[name], responseSerialize: asIs}};
  });
  server.addService(
    Object.fromEntries(methods.map(({name, definition}) => [name, definition])),
    Object.fromEntries(methods.map(({name, handler}) => [name, handler])),
  );
}

const asIs = (bytes: Buffer): Buffer => bytes;

type StreamName = {
  [Name in RpcName]: TunnelServiceService[Name]['responseStream'] extends true ? Name : never;
}[RpcName];

const isStream = (name: RpcName): name is StreamName => TunnelServiceService[name].responseStream;
