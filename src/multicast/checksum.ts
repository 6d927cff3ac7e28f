/** The Internet checksum (RFC 1071) of the octets, an odd one padded with zero. 0 over octets that carry their own. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) for (const [index, octet] of part.entries()) sum += index % 2 === 0 ? octet << 8 : octet;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
