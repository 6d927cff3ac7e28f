/** Text of at most so many bytes of UTF-8; `…` stands for what was cut. */
export function clip(text: string, bytes: number): string {
  const encoded = Buffer.from(text); // also replaces lone surrogates, which grpc-js cannot put into a header
  if (encoded.length <= bytes) return encoded.toString();
  let end = bytes - Buffer.byteLength('…');
  while (((encoded[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end--; // not in the middle of a character
  return `${encoded.toString('utf8', 0, end)}…`;
}
