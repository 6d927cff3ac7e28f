import {on, once} from 'node:events';
import {connect as connectTcp, type Socket} from 'node:net';
import {type ConnectionOptions, connect as connectTls, type TLSSocket} from 'node:tls';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import type {HandshakeFailure} from '../../src/rpc/handshake-failure.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {type Accepted, type Listener, openListener} from '../../src/rpc/listener.js';
import {fixedTls, type TlsCredentials, type TlsSource} from '../../src/rpc/tls-credentials.js';
import {type Issued, TestCa} from '../certificates.js';

/** Bytes in, the same bytes out: one message, or a stream of them. */
const echo = {
  once: method('/test.Echo/Once', false),
  stream: method('/test.Echo/Stream', true),
} as const;

function method(path: string, streams: boolean) {
  const same = (bytes: Buffer) => bytes;
  return {
    path,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

const echoOnce: handleUnaryCall<Buffer, Buffer> = (call, respond) => respond(null, call.request);
const echoStream: handleBidiStreamingCall<Buffer, Buffer> = call => {
  call.on('end', () => call.end());
  call.on('data', bytes => {
    if (call.write(bytes)) return;
    call.pause();
    call.once('drain', () => call.resume());
  });
};

export interface TlsWorld extends AsyncDisposable {
  readonly ca: TestCa;
  readonly listeners: readonly Listener[];
  /** Of the first listener. */
  readonly port: number;
  readonly server: Server;
  readonly accepted: readonly Accepted[];
  readonly failures: readonly HandshakeFailure[];
  /** Resolves with the failure of that number, counted from 0. */
  failure(number?: number): Promise<HandshakeFailure>;
  /** A TLS connection that speaks for itself. What the server does to it is no error. */
  connect(client: Partial<Issued>, options?: ConnectionOptions): TLSSocket;
  /** A TCP connection. */
  connectBare(): Promise<Socket>;
  /** A gRPC client with a connection of its own. */
  client(client: Partial<Issued>): EchoClient;
}

export interface TlsWorldOptions {
  readonly ca?: TestCa;
  readonly listen?: readonly string[];
  readonly minVersion?: TlsCredentials['minVersion'];
  readonly handshakeTimeout?: number;
  /** In place of the credentials that the world makes for itself. */
  readonly tls?: TlsSource;
}

export async function credentialsOf(ca: TestCa, minVersion: TlsCredentials['minVersion'] = '1.3') {
  return {...(await ca.server()), clientCa: ca.pem, minVersion};
}

/** A gRPC server that echoes, on listeners of its own, with a CA of its own for both sides. */
export async function serveTls(options: TlsWorldOptions = {}): Promise<TlsWorld> {
  const {listen = ['tls:127.0.0.1:0'], handshakeTimeout = 60_000, minVersion = '1.3'} = options;
  const ca = options.ca ?? (await TestCa.create());
  const tls = options.tls ?? fixedTls(await credentialsOf(ca, minVersion));
  const server = new Server();
  server.addService(echo, {once: echoOnce, stream: echoStream});
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const accepted: Accepted[] = [];
  const failures: HandshakeFailure[] = [];
  const news = new EventTarget();
  const listenerOptions = {
    tls,
    handshakeTimeout,
    localCaller: () => ({kind: 'local', uid: 0, gids: [0], pid: 1, program: 'test'}) as const,
    onConnection(connection: Accepted) {
      accepted.push(connection);
      injector.injectConnection(connection.socket);
    },
    onFailure(failure: HandshakeFailure) {
      failures.push(failure);
      news.dispatchEvent(new Event('failure'));
    },
  };
  const listeners: Listener[] = [];
  for (const text of listen) listeners.push(await openListener(parseListenAddress(text), listenerOptions));
  const port = Number(/\d+$/.exec(listeners[0]?.address ?? '')?.[0]);
  const opened: {destroy(): void}[] = [];
  return {
    ca,
    listeners,
    port,
    server,
    accepted,
    failures,
    async failure(number = 0) {
      while (failures.length <= number) await once(news, 'failure');
      return failures[number] as HandshakeFailure;
    },
    connect(client, more = {}) {
      const target = {host: '127.0.0.1', port, ca: ca.pem, servername: 'localhost', ALPNProtocols: ['h2']};
      const socket = connectTls({...target, ...client, ...more});
      socket.on('error', () => {});
      opened.push(socket);
      return socket;
    },
    async connectBare() {
      const socket = connectTcp(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => {});
      opened.push(socket);
      return socket;
    },
    client(issued) {
      const client = new EchoClient(port, ca, issued);
      opened.push({destroy: () => client.close()});
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) each.destroy();
      const closed = Promise.all(listeners.map(listener => listener.close()));
      for (const listener of listeners) listener.destroyConnections();
      await closed;
      server.forceShutdown();
    },
  };
}

export class EchoClient extends Client {
  constructor(port: number, ca: TestCa, {cert, key}: Partial<Issued>) {
    const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
    super(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(ca.pem), pem(key), pem(cert)), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.max_receive_message_length': -1,
    });
  }

  once(bytes: Buffer): Promise<Buffer> {
    const {path, requestSerialize, responseDeserialize} = echo.once;
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(path, requestSerialize, responseDeserialize, bytes, (error, answer) => {
        if (error) reject(error);
        else resolve(answer ?? Buffer.alloc(0));
      });
    });
  }

  stream(): ClientDuplexStream<Buffer, Buffer> {
    const {path, requestSerialize, responseDeserialize} = echo.stream;
    const stream = this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on('error', () => {});
    return stream;
  }
}

/** All that arrives until the connection is closed. */
export async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (socket.closed) return Buffer.alloc(0);
  try {
    for await (const [chunk] of on(socket, 'data', {close: ['close']})) chunks.push(chunk);
  } catch {
    // an error is followed by the close; what came before it counts
  }
  return Buffer.concat(chunks);
}
