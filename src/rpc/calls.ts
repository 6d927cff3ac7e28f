import {once} from 'node:events';
import {type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status} from '@grpc/grpc-js';
import type {Logger} from '../telemetry/logger.js';
import {NotStarted} from '../tunnels/errors.js';
import {logCall} from './call-log.js';
import type {CallContext, StreamContext, StreamRpc, UnaryRpc} from './rpcs.js';
import {toStatus} from './status.js';

type UnaryCall = ServerUnaryCall<unknown, Buffer>;
type StreamCall = ServerWritableStream<unknown, Buffer>;
export type Serialize = (message: unknown) => Buffer;

interface Method {
  readonly name: string;
  readonly serialize: Serialize;
  readonly log: Logger;
}

/** Wraps a unary handler for grpc-js. */
export const handleUnary =
  ({name, serialize, log}: Method, rpc: UnaryRpc<unknown, unknown>) =>
  async (call: UnaryCall, respond: sendUnaryData<Buffer>): Promise<void> => {
    const start = performance.now();
    const context = new Context(name, call);
    let summary: Readonly<Record<string, unknown>> | undefined;
    const finish = (code: status, error?: unknown) => {
      // Cancelled before the answer: the caller does not hear the outcome, so the log has to tell it.
      const fields = {...summary, ...(call.cancelled ? {cancelled: true} : {})};
      logCall(log, context, {isChange: rpc.summary !== undefined, code, error, fields, start});
    };
    try {
      summary = rpc.summary?.(call.request);
      refuseIfLate(call);
      const response = serialize(await rpc.handle(call.request, context));
      finish(status.OK);
      respond(null, response);
    } catch (error) {
      const answer = toStatus(error);
      finish(answer.code, error);
      respond(answer);
    }
  };

/** Wraps a server-streaming handler for grpc-js. */
export const handleStream =
  ({name, serialize, log}: Method, rpc: StreamRpc<unknown, unknown>) =>
  async (call: StreamCall): Promise<void> => {
    const start = performance.now();
    const context = new Context(name, call);
    const cut = (error: unknown) => {
      if (isOver(call)) return;
      const answer = toStatus(error);
      logCall(log, context, {isChange: false, code: answer.code, error, fields: {}, start});
      call.emit('error', answer); // grpc-js's way to end a stream with a status
    };
    try {
      refuseIfLate(call);
      for await (const message of rpc.handle(call.request, context.forStream(cut))) {
        if (isOver(call)) return;
        // Without the wait every message to a caller that does not read would stay in memory.
        if (!call.write(serialize(message))) await once(call, 'drain', {signal: context.signal});
      }
      if (!isOver(call)) call.end();
    } catch (error) {
      cut(error);
    }
  };

/** Cancelled, past its deadline, or ended by the server's shutdown. */
const isOver = (call: StreamCall): boolean => call.cancelled || call.writableEnded;

function refuseIfLate(call: UnaryCall | StreamCall): void {
  if (call.cancelled || Number(call.getDeadline()) <= Date.now()) throw new NotStarted();
}

class Context implements CallContext {
  #controller: AbortController | undefined;

  constructor(
    readonly method: string,
    private readonly call: UnaryCall | StreamCall,
  ) {}

  get caller(): string {
    return this.call.getPeer();
  }

  forStream(cut: (error: Error) => void): StreamContext {
    return {method: this.method, caller: this.caller, signal: this.signal, cut};
  }

  /** Made when asked for: reads, which are many, need none. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.call.cancelled) controller.abort();
      else this.call.once('cancelled', () => controller.abort());
    }
    return this.#controller.signal;
  }
}
