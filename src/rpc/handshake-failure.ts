/**
 * What a connection failed for, as the metric `handshake_failures_total` has it:
 *
 * - `tls`: what came was no TLS, or nothing that both sides know; `version`: a version of TLS that is not allowed
 * - `alpn`: HTTP/2 was not asked for
 * - `timeout`: the handshake was not over in time; `reset`: the other end left in the middle of it
 * - `no-certificate`: none was shown
 * - `certificate`: it has expired, is of another CA, not meant for clients, or otherwise not to be believed
 * - `identity`: it is valid, and names nobody
 * - `refused-by-client`: the client does not believe the daemon's certificate, and says so
 * - `credentials`: the kernel did not say who is at the other end of a Unix socket
 */
export const handshakeFailureReasons = [
  'tls',
  'version',
  'alpn',
  'timeout',
  'reset',
  'no-certificate',
  'certificate',
  'identity',
  'refused-by-client',
  'credentials',
] as const;

export interface HandshakeFailure {
  readonly reason: (typeof handshakeFailureReasons)[number];
  /** Where the connection came from, as far as that is known. */
  readonly peer: string;
  /** What was wrong, in words or as OpenSSL calls it: `CERT_HAS_EXPIRED`. */
  readonly detail: string;
}
