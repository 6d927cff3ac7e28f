import type {handleServerStreamingCall, handleUnaryCall} from '@grpc/grpc-js';
import type {Target} from '../access/authorize.js';
import type {CallContext} from './call-context.js';
import {type CallEnvironment, handleStream, handleUnary, type Serialize} from './calls.js';
import type {ChangeNotes} from './changes.js';
import {encodedOnce} from './encoded-once.js';
import {type TunnelServiceServer, TunnelServiceService} from './generated/doublezero/tunnel/v1/tunnel_service.js';
import type {ServiceRegistry} from './streams.js';

/** What the handler of a change may know, and has to tell. */
export interface ChangeContext extends CallContext {
  /** Throws where the caller's role does not cover a tunnel. To be called for each that the change would touch. */
  readonly permit: (target: Target) => void;
  /** Filled in by the handler, for the audit log. */
  readonly notes: ChangeNotes;
}

/** An RPC that changes nothing. */
export interface ReadRpc<Request, Response> {
  /** What it throws becomes a status in `status.ts`. */
  handle(request: Request, context: CallContext): Response | Promise<Response>;
  /** It answers with the same object again where nothing has changed, and never changes one: each is encoded once. */
  readonly repeats?: true;
}

/** An RPC that changes something: each call leaves a line in the log and one in the audit log. */
export interface ChangeRpc<Request, Response> {
  handle(request: Request, context: ChangeContext): Response | Promise<Response>;
  /** Fields of its line in the log, say the spec in short. */
  summary(request: Request): Readonly<Record<string, unknown>>;
  /** The whole request for the audit log, with the names of the protos. */
  toJson(request: Request): unknown;
}

export type UnaryRpc<Request, Response> = ReadRpc<Request, Response> | ChangeRpc<Request, Response>;

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
type ChangeName = 'provisionTunnel' | 'updateTunnel' | 'removeTunnel';

/** A handler for each RPC of the service. */
export type TunnelRpcs = {
  readonly [Name in RpcName]: TunnelServiceServer[Name] extends handleUnaryCall<infer Request, infer Response>
    ? Name extends ChangeName
      ? ChangeRpc<Request, Response>
      : ReadRpc<Request, Response>
    : TunnelServiceServer[Name] extends handleServerStreamingCall<infer Request, infer Response>
      ? StreamRpc<Request, Response>
      : never;
};

/** Adds the service to a server: late calls are refused, errors become status codes, changes are logged and audited. */
export function addTunnelService(server: ServiceRegistry, rpcs: TunnelRpcs, environment: CallEnvironment): void {
  const methods = (Object.keys(TunnelServiceService) as RpcName[]).map(name => {
    const {path, responseSerialize} = TunnelServiceService[name];
    const encode = responseSerialize as Serialize;
    const rpc = rpcs[name];
    const serialize = 'repeats' in rpc && rpc.repeats ? encodedOnce(encode) : encode;
    const method = {...environment, name: path.slice(path.lastIndexOf('/') + 1), serialize};
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
