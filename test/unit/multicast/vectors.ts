const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

/** Messages as doublezerod v0.34 puts them on the wire, which the devices are known to accept. */
export const vectors = {
  hello: bytes(`
    20 00 43 17 00 01 00 02 00 69 00 14 00 04 d7 6f
    c4 dc 00 13 00 04 00 00 00 01`),
  join: bytes(`
    23 00 2f 45 01 00 a9 fe 00 00 00 01 00 78 01 00
    00 20 ef 00 00 01 00 01 00 00 01 00 07 20 0a 00
    00 00`),
  prune: bytes(`
    23 00 2f b8 01 00 a9 fe 00 00 00 01 00 05 01 00
    00 20 ef 00 00 01 00 00 00 01 01 00 07 20 0a 00
    00 00`),
  joinOfTwo: bytes(`
    23 00 d0 19 01 00 a9 fe 04 3a 00 02 00 78 01 00
    00 20 e9 54 b2 01 00 01 00 00 01 00 07 20 0a 00
    00 00 01 00 00 20 e9 54 b2 05 00 01 00 00 01 00
    07 20 0a 00 00 00`),
  /** With its IP header, identification 0. */
  register: bytes(`
    45 00 00 3c 00 00 00 00 20 67 e2 22 a9 fe 04 3b
    0a 00 00 00 21 00 de ff 00 00 00 00 45 00 00 20
    00 00 00 00 20 11 f0 74 94 33 7a cb e9 54 b2 05
    16 85 16 85 00 0c e4 17 44 5a 00 01`),
  /** With its IP header, identification 0; sent from port 40000. */
  heartbeat: bytes(`
    45 00 00 20 00 00 00 00 20 11 f0 74 94 33 7a cb
    e9 54 b2 05 9c 40 16 85 00 0c 5e 5c 44 5a 00 01`),
  goodbye: bytes(`
    20 00 43 80 00 01 00 02 00 00 00 14 00 04 d7 6f
    c4 dc 00 13 00 04 00 00 00 01`),
  /** Never to be sent: `join` with the upstream neighbor taken for an IPv6 address. Its checksum is right. */
  ipv6Upstream: bytes(`
    23 00 2e 45 02 00 00 00 00 00 00 00 00 00 00 00
    ff ff a9 fe 00 00 00 01 00 78 01 00 00 20 ef 00
    00 01 00 01 00 00 01 00 07 20 0a 00 00 00`),
} as const;
