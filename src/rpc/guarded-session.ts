import {constants, type ServerHttp2Session, type ServerHttp2Stream} from 'node:http2';

/** Length of what comes before each message of gRPC: a flag, and the length of the message. */
const messageHeader = 5;

interface GuardedStream {
  /** Octets of the request so far. They are in memory as long as the call is. */
  received: number;
  /** Since when nothing but the client keeps it from going on; `undefined` while it does not wait for the client. */
  waitingSince: number | undefined;
}

/** What one look at a session's calls finds. */
export interface Calls {
  /** Octets that are in memory for them: requests, and answers that are not taken. */
  readonly held: number;
  /** Calls that have been ended, since the client left them waiting. */
  readonly stalled: number;
}

/** What one connection does to the daemon, as far as it can be seen from outside of HTTP/2. */
export class GuardedSession {
  readonly #streams = new Map<ServerHttp2Stream, GuardedStream>();
  /** Calls that the client took back since the last look. */
  #resets = 0;
  #bytesRead = 0;

  constructor(
    readonly session: ServerHttp2Session,
    readonly opened: number,
    private readonly messageSize: number,
    private readonly onTooLarge: () => void,
  ) {
    this.idleSince = opened;
  }

  /** When the last call ended. */
  idleSince: number;

  get streams(): number {
    return this.#streams.size;
  }

  /** The client has not acknowledged the server's SETTINGS: either it knows no HTTP/2, or it ignores limits. */
  get isSettled(): boolean {
    return !this.session.pendingSettingsAck;
  }

  add(stream: ServerHttp2Stream, now: number): void {
    const guarded: GuardedStream = {received: 0, waitingSince: now};
    this.#streams.set(stream, guarded);
    stream.on('data', (chunk: Buffer) => {
      const before = guarded.received;
      guarded.received += chunk.length;
      const announced = before === 0 && chunk.length >= messageHeader ? chunk.readUInt32BE(1) : 0;
      const largest = this.messageSize + messageHeader;
      if (announced > this.messageSize || (before <= largest && guarded.received > largest)) this.onTooLarge();
    });
    stream.once('close', () => {
      this.#streams.delete(stream);
      this.idleSince = performance.now();
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#resets += 1;
    });
  }

  /** Ends the calls that have waited for the client for so many milliseconds. */
  look(now: number, stallMs: number): Calls {
    let [held, stalled] = [0, 0];
    for (const [stream, guarded] of this.#streams) {
      held += guarded.received + stream.writableLength;
      const isRequestIncomplete = !stream.readableEnded;
      const isAnswerUntaken = stream.writableEnded && !stream.writableFinished;
      if (!isRequestIncomplete && !isAnswerUntaken) guarded.waitingSince = undefined;
      else if (guarded.waitingSince === undefined) guarded.waitingSince = now;
      else if (now - guarded.waitingSince >= stallMs) {
        stream.close(constants.NGHTTP2_CANCEL);
        stalled += 1;
      }
    }
    return {held, stalled};
  }

  /** What has come since the last call of this. */
  takeTraffic(): {bytes: number; resets: number} {
    // Gone with the connection, of which the session may not have heard yet.
    const bytesRead = this.session.destroyed ? this.#bytesRead : this.session.socket.bytesRead;
    const traffic = {bytes: bytesRead - this.#bytesRead, resets: this.#resets};
    this.#bytesRead = bytesRead;
    this.#resets = 0;
    return traffic;
  }
}
