// BGP numbers are unsigned and in network byte order. Callers have checked the length: a read past the end is a
// mistake in this program, and gives 0 rather than a number from elsewhere.

export const u8At = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

export const u16At = (bytes: Uint8Array, at: number): number => (u8At(bytes, at) << 8) | u8At(bytes, at + 1);

export const u32At = (bytes: Uint8Array, at: number): number => u16At(bytes, at) * 0x10000 + u16At(bytes, at + 2);

export const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];

export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

/** The numbers of `width` octets each that `bytes` consists of; a remainder is left out. */
export function numbersIn(bytes: Uint8Array, width: 2 | 4): number[] {
  const read = width === 2 ? u16At : u32At;
  const numbers: number[] = [];
  for (let at = 0; at + width <= bytes.length; at += width) numbers.push(read(bytes, at));
  return numbers;
}

export function concat(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Fails where a length field of `octets` octets cannot say how long `part` is: what was to be sent cannot be. */
export function lengthField(octets: 1 | 2, part: ArrayLike<number>, what: string): number[] {
  if (part.length >= 256 ** octets) throw new RangeError(`${what} of ${part.length} octets is too long to be sent`);
  return octets === 1 ? [part.length] : u16(part.length);
}
