import {tlsVersions} from './flags.js';
import {UsageError} from './usage-error.js';
import type {FlagValues} from './values.js';

/** Files of TLS, and the oldest version of it that callers may use. */
export interface TlsFiles {
  /** Path of the certificate with its chain, PEM. */
  readonly cert: string;
  /** Path of the private key, PEM. */
  readonly key: string;
  /** Path of the CA certificates of callers, PEM. */
  readonly clientCa: string;
  readonly minVersion: (typeof tlsVersions)[number];
}

/** The default: nobody can tell whether it was given. */
const [newestVersion] = tlsVersions;
const fileFlags = ['tls-cert', 'tls-key', 'tls-client-ca'] as const;

/** `undefined` where no TLS flag is given. Throws `UsageError` where some are and others lack. */
export function tlsFilesOf(values: FlagValues): TlsFiles | undefined {
  const given = fileFlags.filter(flag => values.optional(flag) !== undefined);
  const minVersion = values.oneOf('tls-min-version', tlsVersions);
  const [first] = given;
  if (first === undefined) {
    if (minVersion !== newestVersion)
      throw new UsageError('--tls-min-version needs --tls-cert, --tls-key and --tls-client-ca as well');
    return undefined;
  }
  const missing = fileFlags.filter(flag => !given.includes(flag)).map(flag => `--${flag}`);
  if (missing.length > 0) {
    throw new UsageError(`--${first} needs ${missing.join(' and ')} as well: callers are known by their certificates`);
  }
  return {
    cert: values.required('tls-cert'),
    key: values.required('tls-key'),
    clientCa: values.required('tls-client-ca'),
    minVersion,
  };
}
