/** RFC 1035 §2.3.4, without the dot at the end. */
const longestName = 253;
const longestLabel = 63;

/** RFC 1123 §2.1; the underscore is no host's, but certificates have it. */
const label = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/;

/** What is wrong with a DNS name in lower case; `undefined` where nothing is. */
export function dnsNameFault(name: string): string | undefined {
  if (name === '') return 'the DNS name is missing';
  if (name.length > longestName) return `a DNS name has at most ${longestName} characters, not ${name.length}`;
  const labels = name.split('.');
  for (const part of labels) {
    if (part === '') return 'a DNS name has no dot at its front or end, and no two in a row';
    if (part.length > longestLabel) return `a part of a DNS name has at most ${longestLabel} characters`;
    if (!label.test(part)) {
      return `the part ${JSON.stringify(part)} of the DNS name may have letters, digits, dashes within it and underscores only`;
    }
  }
  // RFC 1123 §2.1: what ends in a number is an address, and certificates have those in another place.
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return 'an address is not a DNS name';
  return undefined;
}
