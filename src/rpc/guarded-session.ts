import {constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream} from 'node:http2';

const megabyte = 1024 * 1024;
/** Length of what comes before each message of gRPC: a flag, and the length of the message. */
const messageHeader = 5;

export interface SessionOptions {
  /** Whose connection it is. */
  readonly party: string | undefined;
  /** Octets that a message may have. */
  readonly messageSize: number;
  /** Calls at a time. */
  readonly streams: number;
  readonly onTooLarge: () => void;
  /** Called when it has sent more than it may. */
  readonly onFlood: () => void;
}

interface GuardedStream {
  /** Octets of the request so far. They are in memory as long as the call is. */
  received: number;
  /** Octets of answers that the client had not taken at the last look. */
  untaken: number;
  /** Since when nothing but the client keeps it from going on; `undefined` while it does not wait for the client. */
  waitingSince: number | undefined;
}

/** So much at once, and so much a second. */
class Budget {
  #left: number;

  constructor(
    private readonly atOnce: number,
    private readonly perSecond: number,
  ) {
    this.#left = atOnce;
  }

  refill(elapsedMs: number): void {
    this.#left = Math.min(this.#left + (this.perSecond * elapsedMs) / 1000, this.atOnce);
  }

  /** Whether there was so much left. */
  take(amount: number): boolean {
    this.#left -= amount;
    return this.#left >= 0;
  }
}

/** What one connection does to the daemon, as far as it can be seen from outside of HTTP/2. */
export class GuardedSession {
  readonly party: string | undefined;
  readonly #streams = new Map<ServerHttp2Stream, GuardedStream>();
  /** An honest controller sends some hundred octets for a call. */
  readonly #byteBudget: Budget;
  /** An honest controller takes back calls that take too long, and all of them at once when it is stopped. */
  readonly #resetBudget: Budget;
  /** Octets of header fields. Some 500 a call are usual; 64 KiB, which are allowed, take a millisecond. */
  readonly #headerBudget = new Budget(megabyte, 4 * megabyte);
  #bytesRead = 0;
  #bytes = 0;
  #mostStreams = 0;
  #idleSince: number;

  constructor(
    readonly session: ServerHttp2Session,
    readonly opened: number,
    private readonly options: SessionOptions,
  ) {
    const {party, messageSize, streams} = options;
    this.party = party;
    this.#byteBudget = new Budget(Math.max(8 * megabyte, 4 * messageSize), Math.max(2 * megabyte, messageSize));
    this.#resetBudget = new Budget(Math.max(256, 2 * streams), 32);
    this.#idleSince = opened;
  }

  /** Calls that run. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Most calls at a time since the last look: when a session fails, its calls are over before. */
  get mostStreams(): number {
    return this.#mostStreams;
  }

  /** When the last call ended. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** Octets that had come in at the last look since the one before. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Octets that are in memory for its calls: requests, and answers that are not taken. */
  get held(): number {
    let held = 0;
    for (const [stream, {received}] of this.#streams) held += received + stream.writableLength;
    return held;
  }

  /** The client has acknowledged the server's SETTINGS. Who does not knows no HTTP/2, or ignores limits. */
  get isSettled(): boolean {
    return !this.session.pendingSettingsAck;
  }

  add(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, now: number): void {
    const {messageSize, onTooLarge, onFlood} = this.options;
    if (!this.#headerBudget.take(sizeOf(headers))) onFlood();
    if (stream.destroyed) {
      this.#reset();
      return;
    }
    const largest = messageSize + messageHeader;
    const guarded: GuardedStream = {received: 0, untaken: 0, waitingSince: now};
    this.#streams.set(stream, guarded);
    this.#mostStreams = Math.max(this.#mostStreams, this.#streams.size);
    stream.on('data', (chunk: Buffer) => {
      const before = guarded.received;
      guarded.received += chunk.length;
      const announced = before === 0 && chunk.length >= messageHeader ? chunk.readUInt32BE(1) : 0;
      if (announced > messageSize || (before <= largest && guarded.received > largest)) onTooLarge();
    });
    stream.once('close', () => {
      this.#streams.delete(stream);
      this.#idleSince = performance.now();
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#reset();
    });
  }

  #reset(): void {
    if (!this.#resetBudget.take(1)) this.options.onFlood();
  }

  /** Looks at what came in since the last time, milliseconds ago. */
  look(elapsed: number): void {
    this.#bytes = this.#takeBytes();
    this.#mostStreams = this.#streams.size;
    for (const budget of [this.#byteBudget, this.#resetBudget, this.#headerBudget]) budget.refill(elapsed);
    if (!this.#byteBudget.take(this.#bytes)) this.options.onFlood();
  }

  /** Ends the calls that have waited for the client for so many milliseconds, and returns how many. */
  endStalled(now: number, stallMs: number): number {
    let ended = 0;
    for (const [stream, guarded] of this.#streams) {
      const isRequestIncomplete = !stream.readableEnded;
      const isAnswerUntaken = stream.writableLength > 0 && stream.writableLength === guarded.untaken;
      guarded.untaken = stream.writableLength;
      if (!isRequestIncomplete && !isAnswerUntaken) guarded.waitingSince = undefined;
      else if (guarded.waitingSince === undefined) guarded.waitingSince = now;
      else if (now - guarded.waitingSince >= stallMs) {
        stream.close(constants.NGHTTP2_CANCEL);
        ended += 1;
      }
    }
    return ended;
  }

  #takeBytes(): number {
    if (this.session.destroyed) return 0; // and its socket is gone
    const bytesRead = this.session.socket.bytesRead;
    const bytes = bytesRead - this.#bytesRead;
    this.#bytesRead = bytesRead;
    return bytes;
  }
}

/** Octets, about. */
function sizeOf(headers: IncomingHttpHeaders): number {
  let size = 0;
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0);
  return size;
}
