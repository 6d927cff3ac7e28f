import {createSecureContext} from 'node:tls';
import type {TlsFiles} from '../config/tls-files.js';
import {Unusable} from './pem-file.js';
import {type Certificates, firstToExpire, readClientCas, readServerCertificate} from './tls-certificates.js';
import {secureContextOptions, type TlsCredentials} from './tls-credentials.js';
import {TlsError, type TlsFlag, type TlsProblem} from './tls-error.js';
import {readPrivateKey} from './tls-key.js';

/** What the files of TLS have in them, checked. */
export interface TlsReading {
  readonly credentials: TlsCredentials;
  readonly validity: readonly Validity[];
  /** What is not as it should be, and does not keep the files from being used. */
  readonly warnings: readonly TlsProblem[];
}

/** How long the certificates of a file are valid: from when the one that expires first is. */
export interface Validity {
  readonly flag: TlsFlag;
  readonly file: string;
  readonly from: Date;
  readonly to: Date;
}

/**
 * Reads the files of TLS and looks for all that would keep handshakes from working.
 *
 * @throws {TlsError} with all that is wrong, of all files
 */
export function readTls({cert, key, clientCa, minVersion}: TlsFiles, now = new Date()): TlsReading {
  const problems: TlsProblem[] = [];
  const attempt = <T>(flag: TlsFlag, file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      problems.push({flag, file, problem: error.message});
      return undefined;
    }
  };
  const certificate = attempt('--tls-cert', cert, () => readServerCertificate(cert, now));
  const privateKey = attempt('--tls-key', key, () => readPrivateKey(key));
  const cas = attempt('--tls-client-ca', clientCa, () => readClientCas(clientCa, now));
  if (certificate && privateKey && !certificate.all[0].checkPrivateKey(privateKey.key)) {
    problems.push({flag: '--tls-key', file: key, problem: `is not the key of the certificate in --tls-cert ${cert}`});
  }
  if (!certificate || !privateKey || !cas || problems.length > 0) throw new TlsError(problems);
  const credentials = {cert: certificate.pem, key: privateKey.pem, clientCa: cas.pem, minVersion};
  attempt('--tls-cert', cert, () => tryOut(credentials));
  if (problems.length > 0) throw new TlsError(problems);
  return {
    credentials,
    validity: [validityOf('--tls-cert', cert, certificate), validityOf('--tls-client-ca', clientCa, cas)],
    warnings: [
      ...certificate.warnings.map(problem => ({flag: '--tls-cert', file: cert, problem}) as const),
      ...cas.warnings.map(problem => ({flag: '--tls-client-ca', file: clientCa, problem}) as const),
    ],
  };
}

/** What OpenSSL alone knows to be wrong. */
function tryOut(credentials: TlsCredentials): void {
  try {
    createSecureContext(secureContextOptions(credentials));
  } catch (error) {
    throw new Unusable(`cannot be used: ${(error as Error).message}`, {cause: error});
  }
}

function validityOf(flag: TlsFlag, file: string, certificates: Certificates): Validity {
  const {validFrom, validTo} = firstToExpire(certificates);
  return {flag, file, from: new Date(validFrom), to: new Date(validTo)};
}
