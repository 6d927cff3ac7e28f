import type {ServerHttp2Session} from 'node:http2';
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
  readonly metrics: Pick<Metrics, 'limited'>;
  readonly log: Logger;
  /** Octets of requests and untaken answers of all connections together. */
  readonly memory?: number;
  /** Milliseconds that a client has to send a request to its end, and to take the answer. */
  readonly stallMs?: number;
}

/** Milliseconds between two looks at all sessions. */
const interval = 100;

/**
 * What a connection may send, in octets and calls taken back: so much at once, and so much a second. An honest controller
 * sends some hundred octets for a call, and takes back all its calls at once when it is stopped.
 */
const byteBudget = {atOnce: 32 * megabyte, perSecond: 8 * megabyte};
const resetBudget = {atOnce: 256, perSecond: 32};

/**
 * Frames that mean nothing are read at about 100 MB a second, and nothing else is done meanwhile. Where a look comes late,
 * and so much has come in since the last one, those who sent it have to go.
 */
const lateMs = 200;
const floodTotal = 16 * megabyte;
const floodShare = megabyte / 2;

interface Guarded {
  readonly guarded: GuardedSession;
  /** What is left of its budgets. */
  bytes: number;
  resets: number;
  /** Octets in memory for it, at the last look. */
  held: number;
}

/**
 * Looks at all HTTP/2 sessions of a gRPC server, and ends those that cost too much. nghttp2 and Node.js by themselves end
 * sessions that flood with PING, SETTINGS, CONTINUATION or empty DATA frames; what is left is here: frames that are cheap
 * one by one, memory of many calls that wait for the client, clients that never finish what they begin.
 */
export class SessionGuard implements Disposable {
  readonly #sessions = new Map<ServerHttp2Session, Guarded>();
  readonly #reports: LimitReports;
  readonly #limits: Limits;
  readonly #memory: number;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;
  #lastLook = 0;

  /** To be called when the server has its connection injectors. */
  constructor(server: Server, {limits, metrics, log, memory = 64 * megabyte, stallMs = 60_000}: GuardOptions) {
    this.#limits = limits;
    this.#memory = memory;
    this.#stallMs = stallMs;
    this.#reports = new LimitReports(metrics, log);
    for (const http2 of http2ServersOf(server)) {
      http2.prependListener('session', session => this.#add(session));
      http2.prependListener('stream', stream => {
        const guarded = stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
        guarded?.guarded.add(stream, performance.now());
      });
      http2.on('sessionError', (_error, session) => this.#failed(session));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #add(session: ServerHttp2Session): void {
    const now = performance.now();
    const onTooLarge = () => this.#reports.met('max-message-size', {});
    const guarded = new GuardedSession(session, now, this.#limits.messageSize, onTooLarge);
    this.#sessions.set(session, {guarded, bytes: byteBudget.atOnce, resets: this.#resetsAtOnce, held: 0});
    session.once('close', () => this.#remove(session));
    if (this.#timer !== undefined) return;
    this.#lastLook = now;
    this.#timer = setInterval(() => this.#look(), interval).unref();
  }

  #remove(session: ServerHttp2Session): void {
    const {guarded} = this.#sessions.get(session) ?? {};
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this[Symbol.dispose]();
    // grpc-js ends such sessions itself.
    const isIdle = guarded?.streams === 0 && performance.now() - guarded.idleSince > this.#limits.idle - interval;
    if (isIdle) this.#reports.met('idle-timeout', {});
  }

  /** A client that opens more streams than it may has its connection ended by nghttp2, with an error like any other. */
  #failed(session: ServerHttp2Session): void {
    const streams = this.#sessions.get(session)?.guarded.streams ?? 0;
    if (streams >= this.#limits.streams) this.#reports.met('max-streams', {streams});
  }

  #look(): void {
    const now = performance.now();
    const elapsed = now - this.#lastLook;
    this.#lastLook = now;
    const suspects: [session: ServerHttp2Session, bytes: number][] = [];
    let [total, held] = [0, 0];
    for (const [session, state] of this.#sessions) {
      const {guarded} = state;
      const {bytes, resets} = guarded.takeTraffic();
      state.bytes = Math.min(state.bytes + (byteBudget.perSecond * elapsed) / 1000, byteBudget.atOnce) - bytes;
      state.resets = Math.min(state.resets + (resetBudget.perSecond * elapsed) / 1000, this.#resetsAtOnce) - resets;
      if (state.bytes < 0 || state.resets < 0) this.#end(session, 'flood', {bytes, resets});
      else if (!guarded.isSettled && now - guarded.opened > this.#limits.handshake)
        this.#end(session, 'handshake-timeout');
      const calls = guarded.look(now, this.#stallMs);
      for (let times = 0; times < calls.stalled; times++) this.#reports.met('stall', {});
      total += bytes;
      held += calls.held;
      state.held = calls.held;
      if (bytes >= floodShare) suspects.push([session, bytes]);
    }
    if (elapsed > interval + lateMs && total >= floodTotal) {
      for (const [session, bytes] of suspects) this.#end(session, 'flood', {bytes});
    }
    if (held > this.#memory) this.#free(held - this.#memory);
  }

  get #resetsAtOnce(): number {
    return Math.max(resetBudget.atOnce, 2 * this.#limits.streams);
  }

  /** Ends the sessions that hold the most. */
  #free(excess: number): void {
    let left = excess;
    for (const {guarded, held} of [...this.#sessions.values()].toSorted((a, b) => b.held - a.held)) {
      this.#end(guarded.session, 'memory', {held});
      left -= held;
      if (left <= 0) return;
    }
  }

  #end(session: ServerHttp2Session, limit: LimitName, fields: Readonly<Record<string, unknown>> = {}): void {
    if (session.destroyed) return;
    this.#reports.met(limit, fields);
    session.destroy();
  }
}
