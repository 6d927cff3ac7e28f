import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import type {Allowance} from '../access/allowance.js';
import {authorize} from '../access/authorize.js';
import {type Caller, identityOf} from '../access/caller.js';
import {AccessDenied} from '../access/denied.js';
import {LimitReached} from '../access/limit-reached.js';
import type {Grant, Policy, PolicySource} from '../access/policy.js';
import type {Connection, Connections} from './connections.js';
import {requirementOf} from './requirements.js';
import {toStatus} from './status.js';
import type {ServiceRegistry} from './streams.js';

type UnaryCall = ServerUnaryCall<unknown, unknown>;
type Stream = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** A call that is let in, or would be. */
export interface Admission extends Connection {
  readonly identity: string;
  /** As they are at the time of asking: a change may have waited for its turn, and the policy not. */
  readonly grants: () => readonly Grant[];
}

export interface Refusal extends Connection {
  /** Name of the RPC, with its service where that is not ours. */
  readonly method: string;
  readonly identity: string;
  /** `LimitReached` where the caller has been refused too often. */
  readonly error: AccessDenied | LimitReached;
}

export interface GateOptions {
  readonly policy: PolicySource;
  readonly connections: Connections;
  readonly allowance: Allowance;
  readonly onRefusal: (refusal: Refusal) => void;
}

/** Where every call of every service passes before its handler sees it, and streams again when the policy changes. */
export class Gate implements Disposable {
  readonly #policy: PolicySource;
  readonly #connections: Connections;
  readonly #allowance: Allowance;
  readonly #onRefusal: GateOptions['onRefusal'];
  readonly #streams = new Map<Stream, {readonly path: string; readonly connection: Connection}>();
  readonly #granted = new WeakMap<Caller, {readonly policy: Policy; readonly grants: readonly Grant[]}>();
  readonly #stopListening: () => void;

  constructor({policy, connections, allowance, onRefusal}: GateOptions) {
    this.#policy = policy;
    this.#connections = connections;
    this.#allowance = allowance;
    this.#onRefusal = onRefusal;
    this.#stopListening = policy.onChange(() => this.#endRevoked());
  }

  /** Adds services to the server so that only those who may reach their handlers. */
  registry(server: ServiceRegistry): ServiceRegistry {
    return {
      addService: (definition, implementation) => {
        const methods = Object.entries(definition).flatMap(([name, {path, originalName, responseStream}]) =>
          [name, originalName].map((known): [string | undefined, {path: string; responseStream: boolean}] => [
            known,
            {path, responseStream},
          ]),
        );
        const byName = new Map(methods);
        const guarded = Object.entries(implementation).map(([name, handler]): [string, UntypedHandleCall] => {
          const method = byName.get(name);
          if (!method) throw new TypeError(`a handler without a method: ${name}`);
          return [name, method.responseStream ? this.#stream(method.path, handler) : this.#unary(method.path, handler)];
        });
        server.addService(definition, Object.fromEntries(guarded));
      },
    };
  }

  /** What a call was let in as. To be asked before anything is waited for, while the connection is there for sure. */
  admission(call: {getPeer(): string}): Admission | undefined {
    const connection = this.#connections.of(call);
    if (!connection) return undefined;
    const {caller} = connection;
    return {...connection, identity: identityOf(caller), grants: () => this.#grantsOf(caller)};
  }

  [Symbol.dispose](): void {
    this.#stopListening();
  }

  #unary(path: string, handler: UntypedHandleCall): UntypedHandleCall {
    const handle = handler as (call: UnaryCall, respond: sendUnaryData<unknown>) => void;
    return (call: UnaryCall, respond: sendUnaryData<unknown>) => {
      const connection = this.#connections.of(call);
      if (!connection) return; // gone, and the call with it
      const objection = this.#objection(path, connection.caller);
      if (!objection) return handle(call, respond);
      respond(toStatus(this.#refuse(connection, objection)));
    };
  }

  #stream(path: string, handler: UntypedHandleCall): UntypedHandleCall {
    const handle = handler as (call: Stream) => void;
    return (call: Stream) => {
      const connection = this.#connections.of(call);
      if (!connection) return;
      const objection = this.#objection(path, connection.caller);
      if (objection) return end(call, this.#refuse(connection, objection));
      this.#streams.set(call, {path, connection});
      call.once('cancelled', () => this.#streams.delete(call)); // emitted at the end of every call
      handle(call);
    };
  }

  /** Why a caller may not call a method; `undefined` when it may. */
  #objection(path: string, caller: Caller): AccessDenied | undefined {
    const requirement = requirementOf(path);
    if (requirement === 'nothing') return undefined;
    const call = () => ({caller, identity: identityOf(caller), method: methodName(path)});
    if (requirement === undefined) return new AccessDenied(call(), undefined, 'nobody may');
    // Which tunnels a narrowed operator means to change its handler will see, and ask.
    const decision = authorize(this.#grantsOf(caller), requirement, 'some');
    return decision.allowed ? undefined : new AccessDenied(call(), decision.role, decision.text);
  }

  #grantsOf(caller: Caller): readonly Grant[] {
    const policy = this.#policy.current;
    const known = this.#granted.get(caller);
    if (known?.policy === policy) return known.grants;
    const grants = policy.grants(caller);
    this.#granted.set(caller, {policy, grants});
    return grants;
  }

  #endRevoked(): void {
    for (const [call, {path, connection}] of this.#streams) {
      const objection = this.#objection(path, connection.caller);
      if (!objection) continue;
      // Not when it is over: a caller that does not read keeps it open, and would be refused again with the next policy.
      this.#streams.delete(call);
      end(call, this.#refuse(connection, objection));
    }
  }

  /** What the caller is to hear: not even refusals are there without end. */
  #refuse(connection: Connection, objection: AccessDenied): Error {
    const {identity, method} = objection;
    const error = this.#overdrawn(identity) ?? objection;
    this.#onRefusal({...connection, identity, method, error});
    return error;
  }

  #overdrawn(identity: string): LimitReached | undefined {
    try {
      this.#allowance.spend(identity);
      return undefined;
    } catch (error) {
      if (error instanceof LimitReached) return error;
      throw error;
    }
  }
}

/** grpc-js's way to end a stream with a status. */
const end = (call: Stream, error: Error): void => void call.emit('error', toStatus(error));

const ownService = '/doublezero.tunnel.v1.TunnelService/';

/** `GetTunnel`, or `grpc.health.v1.Health/Check`. */
const methodName = (path: string): string =>
  path.startsWith(ownService) ? path.slice(ownService.length) : path.slice(1);
