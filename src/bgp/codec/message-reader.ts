import {BgpError, errorCode, headerSubcode} from './bgp-error.js';
import {
  headerLength,
  type MessageType,
  markerLength,
  messageLengths,
  messageType,
  standardMaximumLength,
} from './message-header.js';
import {u8At, u16, u16At, u32At} from './octets.js';

/** A message taken off its header. */
export interface Frame {
  readonly type: MessageType;
  /** Everything after the header. May share memory with the chunk it came in: the decoders copy what they keep. */
  readonly body: Uint8Array;
}

const knownTypes: ReadonlySet<number> = new Set(Object.values(messageType));
const isKnownType = (type: number): type is MessageType => knownTypes.has(type);

const markerQuarters = [0, 4, 8, 12];

const headerError = (subcode: number, why: string, data?: Uint8Array) =>
  new BgpError(errorCode.messageHeader, subcode, why, data);

/** Checks a header in the order of RFC 4271 §6.1 and gives the length of the whole message. */
function checkHeader(header: Uint8Array, maximumLength: number): {type: MessageType; length: number} {
  if (!markerQuarters.every(at => u32At(header, at) === 0xffffffff)) {
    throw headerError(headerSubcode.connectionNotSynchronized, 'the marker is not all ones');
  }
  const length = u16At(header, markerLength);
  const type = u8At(header, headerLength - 1);
  const badLength = (what: string) =>
    headerError(headerSubcode.badMessageLength, `${what} of ${length} octets`, Uint8Array.from(u16(length)));
  if (length < headerLength || length > maximumLength) throw badLength('message');
  if (!isKnownType(type)) {
    throw headerError(headerSubcode.badMessageType, `message type ${type}`, Uint8Array.of(type));
  }
  const {least, most} = messageLengths[type];
  if (length < least || length > most) throw badLength(`message of type ${type}`);
  return {type, length};
}

/**
 * Cuts a byte stream into messages, however it was split on its way. Holds at most one incomplete message between
 * chunks, and allocates for it only once its header has been found good.
 */
export class MessageReader {
  /**
   * Longest message taken, in octets. To be raised where both sides offered extended messages (RFC 8654): that costs
   * no more than this number, and spares a peer with a full table most of its messages.
   */
  maximumLength: number = standardMaximumLength;

  /** The start of the message that the last chunk broke off in. */
  #held = new Uint8Array();
  #heldLength = 0;

  /**
   * The messages that `chunk` completes, in order. What a caller does with one may change `maximumLength` for those
   * after it. Throws a `BgpError` (code 1) at a bad header, after the good messages before it; the stream cannot be
   * read on from there.
   */
  *read(chunk: Uint8Array): Generator<Frame, void, void> {
    // A plain view: cutting pieces off a Buffer costs several times as much.
    let rest = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.#heldLength > 0) {
      rest = this.#fill(rest, headerLength);
      if (this.#heldLength < headerLength) return;
      const {type, length} = checkHeader(this.#held, this.maximumLength);
      rest = this.#fill(rest, length);
      if (this.#heldLength < length) return;
      const body = this.#held.subarray(headerLength, length);
      this.#release();
      yield {type, body};
    }
    while (rest.length >= headerLength) {
      const {type, length} = checkHeader(rest, this.maximumLength);
      if (rest.length < length) break;
      const body = rest.subarray(headerLength, length);
      rest = rest.subarray(length);
      yield {type, body};
    }
    this.#fill(rest, rest.length);
  }

  /** Takes octets from `source` until `length` are held, and gives the others back. */
  #fill<Source extends ArrayBufferLike>(source: Uint8Array<Source>, length: number): Uint8Array<Source> {
    if (this.#held.length < length) {
      const larger = new Uint8Array(length);
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    const taken = source.subarray(0, Math.max(0, length - this.#heldLength));
    this.#held.set(taken, this.#heldLength);
    this.#heldLength += taken.length;
    return source.subarray(taken.length);
  }

  /** The body handed out shares the buffer, so the next message gets a new one. */
  #release(): void {
    this.#held = new Uint8Array();
    this.#heldLength = 0;
  }
}
