const scheme = 'spiffe://';
/** Octets, as the text is ASCII only: SPIFFE-ID §2.3 and §2.1. */
const longestId = 2048;
const longestTrustDomain = 255;

const trustDomainCharacters = /^[a-z0-9._-]+$/;
const segmentCharacters = /^[a-zA-Z0-9._-]+$/;

/**
 * What is wrong with the SPIFFE ID of a workload, by the SPIFFE-ID standard; `undefined` where nothing is. The ID of a
 * trust domain itself, without a path, is no workload's (X509-SVID §3.1). There is no normal form to bring an ID to: what
 * is not written as it should be is another ID, or none.
 */
export function spiffeIdFault(id: string): string | undefined {
  if (!id.startsWith(scheme)) return `a SPIFFE ID begins with ${scheme}`;
  if (id.length > longestId) return `a SPIFFE ID has at most ${longestId} characters, not ${id.length}`;
  const [trustDomain = '', ...segments] = id.slice(scheme.length).split('/');
  if (trustDomain === '') return 'the trust domain is missing';
  if (trustDomain.length > longestTrustDomain) return `a trust domain has at most ${longestTrustDomain} characters`;
  if (!trustDomainCharacters.test(trustDomain)) {
    return `the trust domain ${JSON.stringify(trustDomain)} may have lower-case letters, digits, dots, dashes and underscores only`;
  }
  if (segments.length === 0) return 'this names the trust domain, not a workload in it: a path is missing';
  for (const segment of segments) {
    if (segment === '') return 'the path has an empty segment: // within it or / at its end';
    if (segment === '.' || segment === '..') return `the path has the segment ${segment}`;
    if (!segmentCharacters.test(segment)) {
      return `the path segment ${JSON.stringify(segment)} may have letters, digits, dots, dashes and underscores only`;
    }
  }
  return undefined;
}

/** All that an ID lies below, from itself upwards and without it: of `spiffe://a/b/c` these are `spiffe://a/b`, `spiffe://a`. */
export function* ancestorsOf(id: string): Generator<string> {
  for (let end = id.lastIndexOf('/'); end > scheme.length; end = id.lastIndexOf('/', end - 1)) yield id.slice(0, end);
}
