import type {handleServerStreamingCall, handleUnaryCall, UntypedServiceImplementation} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';
import {handleStream, handleUnary} from './calls.js';
import {type TunnelServiceServer, TunnelServiceService} from './generated/doublezero/tunnel/v1/tunnel_service.js';

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
}

export interface StreamRpc<Request, Response> {
  /** Messages are taken only as fast as the caller reads. Has to end once `context.signal` is aborted. */
  handle(request: Request, context: CallContext): AsyncIterable<Response>;
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

/** The service for a grpc-js server: late calls are refused, errors become status codes, changes are logged. */
export const implement = (rpcs: TunnelRpcs, log: Logger): UntypedServiceImplementation =>
  Object.fromEntries(
    (Object.keys(TunnelServiceService) as RpcName[]).map(name => {
      const {path} = TunnelServiceService[name];
      const method = path.slice(path.lastIndexOf('/') + 1);
      return [name, isStream(name) ? handleStream(method, rpcs[name], log) : handleUnary(method, rpcs[name], log)];
    }),
  );

type StreamName = {
  [Name in RpcName]: TunnelServiceService[Name]['responseStream'] extends true ? Name : never;
}[RpcName];

const isStream = (name: RpcName): name is StreamName => TunnelServiceService[name].responseStream;
