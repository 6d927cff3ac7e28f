import {constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream} from 'node:http2';
import type {Server} from '@grpc/grpc-js';
import type {Limits} from '../config/limits.js';
import type {Logger} from '../telemetry/logger.js';
import type {LimitName, Metrics} from '../telemetry/metrics.js';
import {GuardedSession} from './guarded-session.js';
import {http2ServersOf} from './http2-servers.js';
import {LimitReports} from './limit-reports.js';

const megabyte = 1024 * 1024;

export interface GuardOptions {
  readonly limits: Limits;
  readonly metrics: Pick<Metrics, 'limited' | 'sessionErrors'>;
  readonly log: Logger;
  /** Whose connection it is, by the address of its socket. */
  readonly partyOf: (remoteAddress: string | undefined) => string | undefined;
  /** Called with who has flooded, or held too much memory. All its connections are ended. */
  readonly onAbuse: (party: string) => void;
  /** Octets of requests and untaken answers of all connections together. */
  readonly memory?: number;
  /** Milliseconds that a client has to send a request to its end, and to take the answer. */
  readonly stallMs?: number;
}

/** Milliseconds between two looks at all sessions. */
const interval = 100;

/** A caller may make as many calls at a time as so many connections may. */
const connectionsAtWork = 4;

/** A thousand connections may bring a hundred calls each before the next look, and each call a large answer. */
const callsPerCheck = 256;

/**
 * Frames that mean nothing are read at about 100 MB a second, large header lists at a third of that, and nothing else is done
 * meanwhile. Where a look comes so late, and so much has come in since the last one, those who sent it have to go.
 */
const lateMs = 200;
const floodTotal = 8 * megabyte;
const floodShare = megabyte / 4;

/**
 * Looks at all HTTP/2 sessions of a gRPC server, and ends those that cost too much. nghttp2 and Node.js by themselves end
 * sessions that flood with PING, SETTINGS, CONTINUATION or empty DATA frames, newer releases also with any that mean
 * nothing; what is left is here: frames that are cheap one by one, memory of many calls that wait for the client, clients
 * that never finish what they begin.
 */
export class SessionGuard implements Disposable {
  readonly #sessions = new Map<ServerHttp2Session, GuardedSession>();
  readonly #reports: LimitReports;
  readonly #memory: number;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;
  #lastLook = 0;
  #opened = 0;
  /** Calls that were refused for want of room since the last look. */
  #refused = 0;
  /** Calls begun since the last look, by caller. */
  readonly #begun = new Map<string, number>();
  /** Calls at a time, by caller. */
  readonly #calls = new Map<string, number>();

  /** To be called when the server has its connection injectors. */
  constructor(
    server: Server,
    private readonly options: GuardOptions,
  ) {
    const {metrics, log, memory = 64 * megabyte, stallMs = 60_000} = options;
    this.#memory = memory;
    this.#stallMs = stallMs;
    this.#reports = new LimitReports(metrics, log);
    for (const http2 of http2ServersOf(server)) {
      http2.prependListener('session', session => this.#add(session));
      // In front of grpc-js: it would answer a stream that has just been ended here, and where the method is unknown it
      // throws then, out of everybody's reach. Streams that were reset at once cost less without it, too.
      const handlers = http2.listeners('stream');
      http2.removeAllListeners('stream');
      http2.on('stream', (stream, headers, flags) => {
        if (!this.#open(stream, headers)) return;
        for (const handle of handlers) handle.call(http2, stream, headers, flags);
      });
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #add(session: ServerHttp2Session): void {
    const now = performance.now();
    const guarded = new GuardedSession(session, now, {
      ...this.options.limits,
      party: this.options.partyOf(session.socket.remoteAddress),
      onTooLarge: () => this.#reports.met('max-message-size', {}),
      onFlood: () => this.#endParty(guarded, 'flood'),
    });
    this.#sessions.set(session, guarded);
    session.once('error', () => this.#failed(guarded));
    session.once('close', () => this.#remove(session));
    if (this.#timer !== undefined) return;
    this.#lastLook = now;
    this.#timer = setInterval(() => this.#look(), interval).unref();
  }

  #remove(session: ServerHttp2Session): void {
    const guarded = this.#sessions.get(session);
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this[Symbol.dispose]();
    // grpc-js ends such sessions itself.
    const isIdle =
      guarded?.streams === 0 && performance.now() - guarded.idleSince > this.options.limits.idle - interval;
    if (isIdle) this.#reports.met('idle-timeout', {});
  }

  /** Whether the call may go on. */
  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    stream.on('error', () => {}); // its `close` says enough
    const guarded = stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
    if (!guarded) return false; // gone already
    guarded.add(stream, headers, performance.now());
    this.#opened += 1;
    if (this.#opened % callsPerCheck === 0) this.#checkMemory();
    return !stream.destroyed && this.#hasRoom(guarded, stream);
  }

  /** Of one caller's connections each may have its share of calls; all together have a few shares, and their watchers. */
  #hasRoom(guarded: GuardedSession, stream: ServerHttp2Stream): boolean {
    const {streams, watchers} = this.options.limits;
    const {party = ''} = guarded;
    const room = connectionsAtWork * streams + watchers;
    const open = this.#calls.get(party) ?? 0;
    const begun = (this.#begun.get(party) ?? 0) + 1;
    this.#begun.set(party, begun);
    const isLate = performance.now() - this.#lastLook > interval + lateMs;
    if (isLate && begun > room) {
      this.#endParty(guarded, 'flood');
      return false;
    }
    if (open >= room) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM); // clients may try it again, RFC 9113 §8.7
      this.#reports.met('max-streams', {party});
      this.#refused += 1;
      if (this.#refused > callsPerCheck) this.#endParty(guarded, 'flood');
      return false;
    }
    this.#calls.set(party, open + 1);
    stream.once('close', () => {
      const left = (this.#calls.get(party) ?? 0) - 1;
      if (left > 0) this.#calls.set(party, left);
      else this.#calls.delete(party);
    });
    return true;
  }

  /** A client that opens more streams than it may has its connection ended by nghttp2, with an error like any other. */
  #failed({mostStreams}: GuardedSession): void {
    this.options.metrics.sessionErrors.inc();
    if (mostStreams >= this.options.limits.streams) this.#reports.met('max-streams', {streams: mostStreams});
  }

  #look(): void {
    const now = performance.now();
    const elapsed = now - this.#lastLook;
    this.#lastLook = now;
    this.#refused = 0;
    this.#begun.clear();
    let total = 0;
    for (const guarded of this.#sessions.values()) {
      guarded.look(elapsed);
      total += guarded.bytes;
      const stalled = guarded.endStalled(now, this.#stallMs);
      for (let times = 0; times < stalled; times++) this.#reports.met('stall', {});
      const isOverdue = !guarded.isSettled && now - guarded.opened > this.options.limits.handshake;
      if (isOverdue) this.#end(guarded, 'handshake-timeout');
    }
    const isLate = elapsed > interval + lateMs;
    if (isLate && total >= floodTotal) this.#endAll(({bytes}) => bytes >= floodShare);
    this.#checkMemory();
  }

  #endAll(isGuilty: (guarded: GuardedSession) => boolean): void {
    for (const guarded of [...this.#sessions.values()].filter(isGuilty)) this.#endParty(guarded, 'flood');
  }

  /** Where too much is held, ends the sessions that hold the most. */
  #checkMemory(): void {
    const holders = [...this.#sessions.values()].map(guarded => ({guarded, held: guarded.held}));
    let excess = holders.reduce((sum, {held}) => sum + held, 0) - this.#memory;
    if (excess <= 0) return;
    for (const {guarded, held} of holders.toSorted((a, b) => b.held - a.held)) {
      this.#endParty(guarded, 'memory');
      excess -= held;
      if (excess <= 0) return;
    }
  }

  /** Whoever does it on one connection may be about to do it on a hundred more. */
  #endParty(guilty: GuardedSession, limit: LimitName): void {
    this.#end(guilty, limit);
    if (guilty.party === undefined) return;
    this.options.onAbuse(guilty.party);
    for (const guarded of this.#sessions.values()) if (guarded.party === guilty.party) this.#end(guarded, limit);
  }

  #end({session, party}: GuardedSession, limit: LimitName): void {
    if (session.destroyed) return;
    this.#reports.met(limit, {party});
    session.destroy();
  }
}
