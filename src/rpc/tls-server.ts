import type {Socket} from 'node:net';
import {createServer, type Server, type TLSSocket} from 'node:tls';
import type {Caller} from '../access/caller.js';
import {callerOfCertificate, NoIdentity} from '../access/certificate-identity.js';
import type {HandshakeFailure} from './handshake-failure.js';
import type {ListenerOptions} from './listener.js';
import {peerOf} from './peer.js';
import {secureContextOptions, type TlsSource} from './tls-credentials.js';

type TlsServerOptions = Pick<ListenerOptions, 'onConnection' | 'onFailure' | 'handshakeTimeout'> & {
  readonly tls: TlsSource;
};

/** The protocol of gRPC, as ALPN calls it (RFC 9113 §3.2). */
const http2 = 'h2';

/**
 * A server that hands on connections when their handshake is done and the certificate of the other end has been verified
 * and names somebody. It uses the credentials as they are when a handshake begins; connections live on with the old ones.
 */
export function createTlsServer({tls, onConnection, onFailure, handshakeTimeout}: TlsServerOptions): {
  readonly server: Server;
  /** Ends handshakes that are not done, and heeds no more changes. */
  readonly release: () => void;
} {
  const server = createServer({
    ...secureContextOptions(tls.current),
    ALPNProtocols: [http2],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout,
  });
  const inHandshake = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    // Asked for now, the address is remembered: when a handshake has failed the socket has none any more.
    const peer = peerOf(socket);
    if (socket.destroyed || peer === undefined) return;
    inHandshake.set(peer, socket);
    socket.once('close', () => {
      if (inHandshake.get(peer) === socket) inHandshake.delete(peer);
    });
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    socket.destroy(); // after a timeout that is left to us
    onFailure(failureOf(error, socket));
  });
  server.on('secureConnection', socket => {
    socket.on('error', () => {}); // whoever takes it over has listeners of its own
    const peer = peerOf(socket);
    if (socket.destroyed || peer === undefined) {
      socket.destroy(); // a limit was met, or the other end has gone already
      return;
    }
    inHandshake.delete(peer);
    const refuse = (reason: HandshakeFailure['reason'], detail: string) => {
      socket.destroy();
      onFailure({reason, peer, detail});
    };
    if (socket.alpnProtocol !== http2) return refuse('alpn', 'the client did not ask for h2');
    const caller = callerOf(socket);
    if (caller instanceof NoIdentity) return refuse('identity', caller.message);
    onConnection({socket, caller, peer});
  });
  const ignoreChanges = tls.onChange(() => server.setSecureContext(secureContextOptions(tls.current)));
  const release = () => {
    ignoreChanges();
    for (const socket of inHandshake.values()) socket.destroy();
  };
  return {server, release};
}

function callerOf(socket: TLSSocket): Caller | NoIdentity {
  try {
    return callerOfCertificate(socket);
  } catch (error) {
    return error instanceof NoIdentity ? error : new NoIdentity(`the certificate cannot be read: ${error}`);
  }
}

const reasons: Readonly<Record<string, HandshakeFailure['reason']>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'no-certificate',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'alpn',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
};

/**
 * Alerts of the client about the daemon's certificate (RFC 8446 §6.2). What OpenSSL writes before their names changes with
 * its releases: `ERR_SSL_SSLV3_ALERT_`, `ERR_SSL_SSL/TLS_ALERT_`, `ERR_SSL_TLSV1_ALERT_`.
 */
const alertAboutCertificate =
  /_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED|BAD_CERTIFICATE_STATUS_RESPONSE)$/;
const isAlert = /^ERR_SSL_(SSLV3|TLSV1|SSL\/TLS)_/;

function reasonOf(code: string): HandshakeFailure['reason'] {
  if (isAlert.test(code) && alertAboutCertificate.test(code)) return 'refused-by-client';
  return reasons[code] ?? 'tls';
}

function failureOf(error: NodeJS.ErrnoException, socket: TLSSocket): HandshakeFailure {
  const peer = peerOf(socket) ?? peerOf(bareSocketOf(socket)) ?? 'unknown';
  // OpenSSL's name for what it found; Node's error says no more than that the socket is closed.
  const verdict: unknown = socket.authorizationError;
  if (verdict) return {reason: 'certificate', peer, detail: String(verdict)};
  return {reason: reasonOf(error.code ?? ''), peer, detail: error.code ?? error.message};
}

/**
 * The TCP socket below. Node has no public name for it; without it a failure would be reported without its peer, which is
 * what becomes of it where a later Node calls it otherwise.
 */
const bareSocketOf = (socket: TLSSocket): Socket => (socket as {_parent?: Socket})._parent ?? socket;
