import {type ClientHttp2Session, type ClientHttp2Stream, connect, constants} from 'node:http2';
import {createConnection, type Socket} from 'node:net';
import {TunnelEvent} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {WatchTunnelsRequest} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';

const path = '/doublezero.tunnel.v1.TunnelService/WatchTunnels';
/** Bytes before each message: whether it is compressed, and its length. */
const prefixLength = 5;
/** Bytes that may be under way to a watcher. So few that the daemon notices soon when one does not read. */
const window = 1024;

export interface WatchListener {
  event(event: TunnelEvent): void;
  /** Over, and not by our doing; `status` is gRPC's number where there was one. */
  ended(status: number | undefined, message: string): void;
}

/**
 * `WatchTunnels` on a connection of its own, by HTTP/2 itself: a gRPC client reads whatever comes, and always says goodbye.
 */
export class WatchStream {
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(socketPath: string, request: WatchTunnelsRequest, listener: WatchListener) {
    this.#socket = createConnection(socketPath);
    this.#session = connect('http://localhost', {
      createConnection: () => this.#socket,
      settings: {initialWindowSize: window},
    });
    this.#stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let outcome: {status?: number; message: string} = {message: 'the connection was lost'};
    const note = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] === undefined) return;
      outcome = {status: Number(headers['grpc-status']), message: decodeURIComponent(String(headers['grpc-message']))};
    };
    const end = () => {
      if (this.#isOver) return;
      this.#isOver = true;
      listener.ended(outcome.status, outcome.message);
      this.#session.destroy();
    };
    this.#session.on('error', end);
    this.#session.on('close', end);
    this.#stream.on('error', () => undefined);
    this.#stream.on('response', note);
    this.#stream.on('trailers', note);
    this.#stream.on('close', end);
    this.#stream.on('data', (chunk: Buffer) => {
      for (const event of this.#decode(chunk)) if (!this.#isOver) listener.event(event);
    });
    const message = WatchTunnelsRequest.encode(request).finish();
    const prefix = Buffer.alloc(prefixLength);
    prefix.writeUInt32BE(message.length, 1);
    this.#stream.end(Buffer.concat([prefix, message]));
  }

  /** Reads no more, until `goOn`. */
  stall(): void {
    this.#stream.pause();
  }

  goOn(): void {
    this.#stream.resume();
  }

  /** Ends the call and the connection as the protocol has it. */
  leave(): void {
    this.#isOver = true;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#session.close();
  }

  /** Ends without a word: the connection just breaks. */
  vanish(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  *#decode(chunk: Buffer): Generator<TunnelEvent> {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const end =
        this.#buffer.length < prefixLength ? Number.POSITIVE_INFINITY : prefixLength + this.#buffer.readUInt32BE(1);
      if (end > this.#buffer.length) return;
      const message = this.#buffer.subarray(prefixLength, end);
      this.#buffer = this.#buffer.subarray(end);
      yield TunnelEvent.decode(message);
    }
  }
}
