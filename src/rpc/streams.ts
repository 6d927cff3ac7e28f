import type {Server, ServerDuplexStream, ServerWritableStream, UntypedHandleCall} from '@grpc/grpc-js';
import {TunnelError} from '../tunnels/errors.js';
import {toStatus} from './status.js';

/** The part of a server that services are added to. */
export type ServiceRegistry = Pick<Server, 'addService'>;

type Stream = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** The open streams of all services: a server cannot stop while a client keeps watching, tunnels or only its health. */
export class OpenStreams {
  readonly #streams = new Set<Stream>();

  /** Adds services to the server so that their streams are known here. */
  registry(server: ServiceRegistry): ServiceRegistry {
    return {
      addService: (definition, implementation) => {
        const tracked = Object.entries(implementation).map(([name, handler]): [string, UntypedHandleCall] => {
          const responseStream = Object.entries(definition).some(
            ([method, {originalName, responseStream}]) => [method, originalName].includes(name) && responseStream,
          );
          return [name, responseStream ? this.#tracked(handler) : handler];
        });
        server.addService(definition, Object.fromEntries(tracked));
      },
    };
  }

  /** Ends them all with UNAVAILABLE, reason DRAINING. */
  end(): void {
    const draining = toStatus(new TunnelError('draining', 'the daemon is about to stop'));
    for (const stream of this.#streams) stream.emit('error', draining); // grpc-js's way to end a stream with a status
  }

  #tracked(handler: UntypedHandleCall): UntypedHandleCall {
    const handle = handler as (stream: Stream) => void;
    return (stream: Stream) => {
      this.#streams.add(stream);
      stream.once('cancelled', () => this.#streams.delete(stream)); // emitted at the end of every call
      handle(stream);
    };
  }
}
