import type {NetlinkError, Operation} from '../netlinker.js';
import {errnoName, refusal} from '../refusal.js';
import {type Channel, ChannelError} from './channel.js';
import type {Outcome, Visit} from './exchange.js';

const dumpAttempts = 10;

/** What of a channel is needed here. */
type Conversation = Pick<Channel, 'send' | typeof Symbol.dispose>;

/** Reads an answer, from its header on. `undefined` leaves it out. */
export type Decode<T> = (datagram: Buffer) => T | undefined;

/** Changes and questions of one message each, over a channel for those and a channel for dumps. */
export class Requests implements Disposable {
  constructor(
    readonly channel: Conversation & Pick<Channel, 'batchLimit'>,
    readonly dumps: Conversation,
  ) {}

  /** Rejects with what the kernel has against it. */
  async change(operation: Operation, message: Uint8Array): Promise<void> {
    throwRefused(operation, await this.exchange(operation, this.channel, message));
  }

  async ask<T>(operation: Operation, message: Uint8Array, decode: Decode<T>): Promise<T> {
    const answers: T[] = [];
    throwRefused(operation, await this.exchange(operation, this.channel, message, collect(answers, decode)));
    const [answer] = answers;
    if (answer === undefined) throw refusal(operation, 'EBADMSG');
    return answer;
  }

  async list<T>(operation: Operation, message: Uint8Array, decode: Decode<T>): Promise<T[]> {
    let answers: T[] = [];
    await this.dump(operation, message, () => {
      answers = [];
      return collect(answers, decode);
    });
    return answers;
  }

  /** Begins anew, and so with a new visitor, when what is dumped changes meanwhile. */
  async dump(operation: Operation, message: Uint8Array, begin: () => Visit): Promise<void> {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const outcome = await this.exchange(operation, this.dumps, message, begin());
      throwRefused(operation, outcome);
      if (!outcome.interrupted) return;
    }
    throw refusal(operation, 'EINTR');
  }

  /** An exchange that fails as a whole fails in the name of the operation. */
  async exchange(operation: Operation, channel: Conversation, messages: Uint8Array, visit?: Visit): Promise<Outcome> {
    try {
      return await channel.send(messages, visit);
    } catch (cause) {
      throw cause instanceof ChannelError ? refusal(operation, cause.errno, {cause}) : cause;
    }
  }

  [Symbol.dispose](): void {
    this.channel[Symbol.dispose]();
    this.dumps[Symbol.dispose]();
  }
}

const collect =
  <T>(answers: T[], decode: Decode<T>): Visit =>
  ({buffer, byteOffset}, start, end) => {
    const answer = decode(Buffer.from(buffer, byteOffset + start, end - start));
    if (answer !== undefined) answers.push(answer);
  };

function throwRefused(operation: Operation, {refused: [first]}: Outcome): void {
  if (first !== undefined) throw refused(operation, first.errno);
}

/** The typed error for an errno as the kernel gives it. */
export const refused = (operation: Operation, errno: number): NetlinkError => refusal(operation, errnoName(errno));
