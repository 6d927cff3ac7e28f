import {X509Certificate} from 'node:crypto';
import {readPemFile, Unusable} from './pem-file.js';

/** Certificates of one file, in its order; at least one. */
export interface Certificates {
  readonly pem: string;
  readonly all: readonly [X509Certificate, ...X509Certificate[]];
  /** What is not as it should be, and does not keep the file from being used. */
  readonly warnings: readonly string[];
}

/** Extended key usages, RFC 5280 §4.2.1.12. */
const serverAuth = '1.3.6.1.5.5.7.3.1';
const anyUsage = '2.5.29.37.0';

/** A certificate that servers may show, with its chain. @throws {Unusable} */
export function readServerCertificate(path: string, now: Date): Certificates {
  const {pem, all} = readCertificates(path);
  const [certificate, ...chain] = all;
  const invalid = validityProblem(certificate, now);
  if (invalid) throw new Unusable(`has a certificate that ${invalid}`);
  // Node's name for it; a certificate without the extension is for everything.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  if (usages && !usages.includes(serverAuth) && !usages.includes(anyUsage)) {
    throw new Unusable('has a certificate that is not for servers (extended key usage without serverAuth)');
  }
  const warnings = chain.flatMap((issuer, index) => {
    const invalid = validityProblem(issuer, now);
    const below = all[index];
    return [
      ...(invalid ? [`has ${nameOf(issuer)} in its chain, which ${invalid}`] : []),
      ...(below?.checkIssued(issuer) ? [] : [`is not in order: ${nameOf(issuer)} has not issued the one before it`]),
    ];
  });
  if (certificate.subjectAltName === undefined) {
    warnings.push('has a certificate without subject alternative names, which most clients refuse');
  }
  return {pem, all, warnings};
}

/** Certificates of CAs, of which one at least can vouch for callers. @throws {Unusable} */
export function readClientCas(path: string, now: Date): Certificates {
  const certificates = readCertificates(path);
  const other = certificates.all.find(({ca}) => !ca);
  if (other) throw new Unusable(`has ${nameOf(other)} in it, which is not a CA's (basicConstraints without CA:TRUE)`);
  const warnings = certificates.all.flatMap(ca => {
    // OpenSSL follows a chain up to one that has signed itself, wherever the file breaks off.
    const isOrphan = !certificates.all.some(above => ca.checkIssued(above));
    const fault = validityProblem(ca, now) ?? (isOrphan ? 'vouches for nobody without the CA above it' : undefined);
    return fault === undefined ? [] : [`has ${nameOf(ca)} in it, which ${fault}`];
  });
  if (warnings.length === certificates.all.length) throw new Unusable(warnings.join(', and '));
  return {...certificates, warnings};
}

/** The one that expires first. */
export const firstToExpire = ({all}: Certificates): X509Certificate =>
  all.reduce((first, each) => (Date.parse(each.validTo) < Date.parse(first.validTo) ? each : first));

function readCertificates(path: string): Pick<Certificates, 'pem' | 'all'> {
  const blocks = readPemFile(path).blocks.filter(({label}) => label === 'CERTIFICATE');
  const [first, ...others] = blocks.map(({pem}, index) => parse(pem, index + 1));
  if (!first) throw new Unusable('has no certificate in it');
  return {pem: blocks.map(({pem}) => pem).join(''), all: [first, ...others]};
}

function parse(pem: string, number: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Unusable(`has a certificate (number ${number}) that cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function validityProblem({validFrom, validTo}: X509Certificate, now: Date): string | undefined {
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (to <= now) return `expired at ${to.toISOString()}`;
  return from > now ? `is not valid before ${from.toISOString()}` : undefined;
}

/** On one line: Node.js writes the parts of a subject below each other. */
const nameOf = ({subject, subjectAltName}: X509Certificate): string =>
  `the certificate "${subject?.replaceAll('\n', ', ') ?? subjectAltName ?? ''}"`;
