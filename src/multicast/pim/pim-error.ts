/**
 * - `truncated`: the message ends before what it announces
 * - `version`: not PIM version 2
 * - `checksum`: its checksum is wrong
 * - `encoding`: an address that is not IPv4 in the native encoding
 * - `malformed`: a length, count or flag that cannot be
 */
export type PimErrorKind = 'truncated' | 'version' | 'checksum' | 'encoding' | 'malformed';

/** A message that cannot be understood. The decoders throw nothing else. */
export class PimError extends Error {
  override readonly name = 'PimError';

  constructor(
    readonly kind: PimErrorKind,
    message: string,
  ) {
    super(message);
  }
}
