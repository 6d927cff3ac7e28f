import type {ServerUnaryCall, ServerWritableStream} from '@grpc/grpc-js';

type Call = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** What every handler may know of the call besides the request. */
export interface CallContext {
  /** Aborted when the caller gives up, its deadline passes, the daemon is about to stop, or the call is over. */
  readonly signal: AbortSignal;
}

/** The context of a call of grpc-js. */
export class Context implements CallContext {
  #controller: AbortController | undefined;

  constructor(private readonly call: Call) {}

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
