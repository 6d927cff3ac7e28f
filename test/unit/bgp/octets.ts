import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {extendedMaximumLength} from '../../../src/bgp/codec/message-header.js';
import {type Frame, MessageReader} from '../../../src/bgp/codec/message-reader.js';
import type {PrefixList} from '../../../src/bgp/codec/prefix-list.js';
import {prefixList} from '../../../src/bgp/codec/prefix-list.js';
import {parsePrefix} from '../../../src/ip/ipv4.js';

/** Octets from hexadecimal text; blanks are for the eye. */
export const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

export const prefixes = (...texts: readonly string[]): PrefixList =>
  prefixList(
    texts.map(text => {
      const prefix = parsePrefix(text);
      if (prefix === undefined) throw new TypeError(`not a prefix: ${text}`);
      return prefix;
    }),
  );

/** All messages of a stream given whole. */
export const framesIn = (stream: Uint8Array): Frame[] => {
  const reader = new MessageReader();
  reader.maximumLength = extendedMaximumLength;
  return [...reader.read(stream)];
};

/** The body of a single message. */
export function bodyOf(message: Uint8Array): Uint8Array {
  const [frame, ...others] = framesIn(message);
  if (frame === undefined || others.length > 0) throw new TypeError('not a single message');
  return frame.body;
}

/** The error that `act` throws. */
export function errorOf(act: () => unknown): BgpError {
  try {
    act();
  } catch (error) {
    if (error instanceof BgpError) return error;
    throw error;
  }
  throw new TypeError('no error');
}

/** `code/subcode`, as operators write them. */
export const codesOf = ({code, subcode}: BgpError): string => `${code}/${subcode}`;

const u16 = (value: number) => [value >>> 8, value & 255];

/** One path attribute, with a length of one octet. */
export const attribute = (flags: number, type: number, value: string): number[] => {
  const bytes = octets(value);
  return [flags, type, bytes.length, ...bytes];
};

/** The attributes that routes cannot do without, right ones, for a session of four octets. */
export const mandatory = {
  origin: attribute(0x40, 1, '00'),
  asPath: attribute(0x40, 2, '0201 0000fde9'),
  nextHop: attribute(0x40, 3, 'c0000201'),
};

export interface UpdateParts {
  readonly withdrawn?: string;
  readonly attributes?: readonly (readonly number[])[];
  readonly nlri?: string;
}

/** The body of an UPDATE. Without attributes named it has the mandatory ones, without NLRI 198.51.100.7/32. */
export function updateBody({withdrawn = '', attributes = Object.values(mandatory), nlri = '20c6336407'}: UpdateParts) {
  const withdrawnOctets = octets(withdrawn);
  const list = attributes.flat();
  return Uint8Array.of(
    ...u16(withdrawnOctets.length),
    ...withdrawnOctets,
    ...u16(list.length),
    ...list,
    ...octets(nlri),
  );
}
