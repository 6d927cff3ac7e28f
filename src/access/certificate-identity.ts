import {X509Certificate} from 'node:crypto';
import type {DetailedPeerCertificate, TLSSocket} from 'node:tls';
import type {CertificateCaller} from './caller.js';
import {dnsNameFault} from './dns-name.js';
import {spiffeIdFault} from './spiffe-id.js';
import {parseAltNames} from './subject-alt-names.js';

/** A certificate that names nobody, or not clearly. The text says why. */
export class NoIdentity extends Error {
  override readonly name = 'NoIdentity';
}

/**
 * Who is at the other end of a TLS connection, by the certificate that it has shown.
 *
 * @throws {NoIdentity}
 */
export function callerOfCertificate(socket: TLSSocket): CertificateCaller {
  // The server has refused all others by now. Never without, whatever becomes of the server's options.
  if (!socket.authorized) throw new NoIdentity('the certificate is not verified');
  return identityIn(chainOf(socket.getPeerCertificate(true)));
}

/**
 * The first of these names that a certificate has: its SPIFFE ID, its first DNS name, its common name. A name that is not
 * well-formed is not passed over for the next kind: whoever had it certified meant it to be the name.
 *
 * @param chain the verified certificate first, then those of the CAs above it
 * @throws {NoIdentity}
 */
export function identityIn([certificate, ...issuers]: readonly X509Certificate[]): CertificateCaller {
  if (!certificate) throw new NoIdentity('there is no certificate');
  const names = parseAltNames(certificate.subjectAltName);
  if (names === undefined) throw new NoIdentity('the alternative names cannot be read');
  const uris = names.filter(({kind}) => kind === 'URI').map(({value}) => value);
  if (uris.some(isSpiffe)) return spiffeIdentity(uris, certificate, issuers);
  const dns = names.find(({kind}) => kind === 'DNS');
  return dns ? dnsIdentity(dns.value) : commonNameIdentity(certificate);
}

/** Told by the scheme in whatever case: an ID in capitals is a malformed one, not another kind of name. */
const isSpiffe = (uri: string): boolean => /^spiffe:/i.test(uri);

/** By X509-SVID §2 and §4: one URI, of a workload; no CA's certificate; of the trust domain that its CA is for. */
function spiffeIdentity(
  uris: readonly string[],
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
): CertificateCaller {
  const [name = '', ...others] = uris;
  if (others.length > 0) throw new NoIdentity('a certificate with a SPIFFE ID has no second URI');
  const fault = spiffeIdFault(name);
  if (fault !== undefined) throw new NoIdentity(fault);
  if (certificate.ca) throw new NoIdentity('a CA is no workload, though it has a SPIFFE ID');
  const trustDomain = trustDomainOf(name);
  for (const issuer of issuers) {
    const ids = (parseAltNames(issuer.subjectAltName) ?? []).filter(
      ({kind, value}) => kind === 'URI' && isSpiffe(value),
    );
    // With CAs of several trust domains in the bundle, none may name workloads of another's.
    const foreign = ids.find(({value}) => trustDomainOf(value) !== trustDomain);
    if (foreign) throw new NoIdentity(`${foreign.value} cannot vouch for ${name}`);
  }
  return {kind: 'certificate', nameKind: 'spiffe', name};
}

const trustDomainOf = (id: string): string | undefined => id.split('/')[2];

function dnsIdentity(value: string): CertificateCaller {
  const name = value.toLowerCase();
  const fault = dnsNameFault(name);
  if (fault !== undefined) throw new NoIdentity(fault);
  return {kind: 'certificate', nameKind: 'dns', name};
}

/** RFC 5280, appendix A.1: ub-common-name. */
const longestCommonName = 64;
/** What a log, a policy or a person could take for something else; unseen characters above all. */
const unclear = /[\p{C}\p{Zl}\p{Zp}"'`,\\*]|^\s|\s$/u;

function commonNameIdentity(certificate: X509Certificate): CertificateCaller {
  // The text of the subject would have to be taken apart; here a value is a value. Several are a list.
  const name: unknown = certificate.toLegacyObject().subject?.CN;
  if (name === undefined) throw new NoIdentity('the certificate has no SPIFFE ID, no DNS name and no common name');
  if (typeof name !== 'string') throw new NoIdentity('the certificate has several common names');
  if (name === '' || name.length > longestCommonName || unclear.test(name)) {
    throw new NoIdentity(`the common name ${JSON.stringify(name.slice(0, longestCommonName))} is not a plain name`);
  }
  return {kind: 'certificate', nameKind: 'cn', name};
}

/** From the peer's certificate up to the root that vouches for it, or as far as it is known. */
function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<DetailedPeerCertificate>();
  // A root is its own issuer.
  for (let at: DetailedPeerCertificate | undefined = peer; at?.raw && !seen.has(at); at = at.issuerCertificate) {
    seen.add(at);
    chain.push(new X509Certificate(at.raw));
  }
  return chain;
}
