import {control, flag, littleEndian, messageOffsets} from './wire.js';

/** A message that the kernel refused, by its place in the batch. */
export interface RefusedMessage {
  readonly index: number;
  /** Positive. */
  readonly errno: number;
}

export interface Outcome {
  readonly refused: readonly RefusedMessage[];
  /** What was dumped changed meanwhile, so the dump may be inconsistent. */
  readonly interrupted: boolean;
}

/** Is given an answer: where it begins (at its header) and ends in the datagram. */
export type Visit = (view: DataView, start: number, end: number) => void;

interface Listener {
  readonly visit?: Visit | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** One or more messages on their way to the kernel, and what came back so far. */
export class Exchange {
  readonly #listener: Listener;
  readonly #refused: RefusedMessage[] = [];
  #firstSequence = 0;
  #count = 0;
  #interrupted = false;
  complete = false;
  timer: NodeJS.Timeout | undefined;

  constructor(
    readonly messages: Uint8Array,
    listener: Listener,
  ) {
    this.#listener = listener;
  }

  /**
   * Numbers the messages from the one given and returns the number after them. Only the last is to be acknowledged:
   * refused ones answer anyway, the kernel works in order, and it saves a sixth.
   */
  stamp(firstSequence: number): number {
    const {buffer, byteOffset, byteLength} = this.messages;
    const view = new DataView(buffer, byteOffset, byteLength);
    this.#firstSequence = firstSequence;
    let last = 0;
    for (const offset of messageOffsets(view)) {
      view.setUint32(offset + 8, firstSequence + this.#count, littleEndian);
      this.#count += 1;
      last = offset;
    }
    view.setUint16(last + 6, view.getUint16(last + 6, littleEndian) | flag.ack, littleEndian);
    return (firstSequence + this.#count) >>> 0;
  }

  /** Takes one answer. Those to other exchanges are left alone. */
  accept(view: DataView, offset: number): void {
    const index = (view.getUint32(offset + 8, littleEndian) - this.#firstSequence) >>> 0;
    if (index >= this.#count || this.complete) return;
    if (view.getUint16(offset + 6, littleEndian) & flag.dumpInterrupted) this.#interrupted = true;

    const type = view.getUint16(offset + 4, littleEndian);
    if (type !== control.error && type !== control.done) {
      this.#listener.visit?.(view, offset, offset + view.getUint32(offset, littleEndian));
      return;
    }
    // Both carry an errno, negated: 0 for an acknowledgement and for the end of a dump that went well.
    const errno = -view.getInt32(offset + 16, littleEndian);
    if (errno !== 0) this.#refused.push({index, errno});
    this.complete = index === this.#count - 1;
  }

  succeed(): void {
    clearTimeout(this.timer);
    this.#listener.resolve({refused: this.#refused, interrupted: this.#interrupted});
  }

  fail(reason: unknown): void {
    clearTimeout(this.timer);
    this.#listener.reject(reason);
  }
}
