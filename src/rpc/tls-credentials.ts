import {constants} from 'node:crypto';
import type {SecureContextOptions} from 'node:tls';
import type {TlsFiles} from '../config/tls-files.js';

/** What is in the files of TLS, all of it PEM and checked. */
export interface TlsCredentials {
  /** The certificate, with its chain. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the CAs of callers. */
  readonly clientCa: string;
  readonly minVersion: TlsFiles['minVersion'];
}

/** The credentials as they are now. */
export interface TlsSource {
  readonly current: TlsCredentials;
  /** Called with every change, after `current` has changed. Returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Credentials that do not change. */
export const fixedTls = (credentials: TlsCredentials): TlsSource => ({current: credentials, onChange: () => () => {}});

/**
 * What is asked of TLS. Security level 2 of OpenSSL (112 bits) refuses short keys and SHA-1, also in the certificates of
 * callers. The suites named are those of TLS 1.2 that RFC 9113 §9.2.2 leaves for HTTP/2; TLS 1.3 has no others.
 *
 * Nothing is resumed: a session that was begun with a certificate would go on without looking at it again, though its CA
 * may have been taken out of the bundle since. And nothing is negotiated anew, which HTTP/2 forbids (RFC 9113 §9.2.1).
 */
export const secureContextOptions = ({cert, key, clientCa, minVersion}: TlsCredentials): SecureContextOptions => ({
  cert,
  key,
  ca: clientCa,
  minVersion: `TLSv${minVersion}`,
  maxVersion: 'TLSv1.3',
  ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2',
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
});
