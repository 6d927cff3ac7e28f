import {bodyOf, encodeMessage, pimType} from './message.js';
import {Reader, u16, u32} from './octets.js';
import {PimError} from './pim-error.js';

/** A Hello (RFC 7761 §4.9.2), with the options this program has a use for. */
export interface Hello {
  /** Seconds for which the sender is to be taken for alive; 0: it leaves, 0xFFFF: for ever. */
  readonly holdtime?: number | undefined;
  /** Another one tells that the sender has restarted and lost its state. */
  readonly generationId?: number | undefined;
  readonly drPriority?: number | undefined;
}

const option = {holdtime: 1, drPriority: 19, generationId: 20} as const;

/** The order of the options is the one devices have always seen from us. */
export function encodeHello({holdtime, generationId, drPriority}: Hello): Uint8Array {
  const options = [
    ...(holdtime === undefined ? [] : [...u16(option.holdtime), ...u16(2), ...u16(holdtime)]),
    ...(generationId === undefined ? [] : [...u16(option.generationId), ...u16(4), ...u32(generationId)]),
    ...(drPriority === undefined ? [] : [...u16(option.drPriority), ...u16(4), ...u32(drPriority)]),
  ];
  return encodeMessage(pimType.hello, options);
}

/** Reads the options in whatever order and skips those it does not know. Throws `PimError`. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new Reader(bodyOf(bytes, pimType.hello));
  const hello: {-readonly [Key in keyof Hello]: Hello[Key]} = {};
  while (reader.left > 0) {
    const [type, length] = [reader.u16(), reader.u16()];
    const value = new Reader(reader.take(length));
    if (type === option.holdtime) hello.holdtime = number(value, type, 2);
    if (type === option.generationId) hello.generationId = number(value, type, 4);
    if (type === option.drPriority) hello.drPriority = number(value, type, 4);
  }
  return hello;
}

function number(value: Reader, type: number, length: 2 | 4): number {
  if (value.left !== length) throw new PimError('malformed', `${value.left} octets in option ${type} of a Hello`);
  return length === 2 ? value.u16() : value.u32();
}
