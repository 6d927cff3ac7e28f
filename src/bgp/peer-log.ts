import type {Logger} from '../telemetry/logger.js';
import type {DecodedUpdate} from './codec/update-decode.js';
import {Digest} from './digest.js';
import type {InstallSummary} from './route-installer.js';

interface Faults {
  /** UPDATEs whose announcements were turned into withdrawals (RFC 7606). */
  readonly malformed: number;
  /** What was wrong with the last of them; empty without one. */
  readonly error: string;
  /** Routes whose next hop is not the peer. */
  readonly refused: number;
  /** UPDATEs that attributes were left out of. */
  readonly discarded: number;
  /** Why, of the last of them. */
  readonly reason: string;
}

/** What a peer does to the log: summaries, never a line a route, and a line a second of each kind at most. */
export class PeerLog {
  readonly #log: Logger;
  readonly #tunnel: string;
  readonly #programmed: Digest<InstallSummary>;
  readonly #faults: Digest<Faults>;
  #lastFault = '';

  constructor(log: Logger, tunnel: string) {
    this.#log = log;
    this.#tunnel = tunnel;
    this.#programmed = new Digest(addSummaries, summary => this.#tellProgrammed(summary));
    this.#faults = new Digest(addFaults, faults => log.warn('bgp.updates_faulty', {tunnel, ...faults}));
  }

  adopted(routes: number): void {
    this.#log.info('bgp.routes_adopted', {tunnel: this.#tunnel, routes});
  }

  programmed(summary: InstallSummary): void {
    this.#programmed.add(summary);
  }

  /** Something other than the kernel keeps routes from being programmed. They are tried again, and this is told once. */
  fault(error: unknown): void {
    const text = String(error);
    if (text !== this.#lastFault) this.#log.error('bgp.routes_failed', {tunnel: this.#tunnel, error: text});
    this.#lastFault = text;
  }

  /** What is wrong with an UPDATE, if anything is; `refused` routes have a next hop that is not the peer. */
  update({treatAsWithdraw, discarded}: DecodedUpdate, refused: number): void {
    if (treatAsWithdraw === undefined && refused === 0 && discarded.length === 0) return;
    this.#faults.add({
      malformed: treatAsWithdraw === undefined ? 0 : 1,
      error: treatAsWithdraw?.message ?? '',
      refused,
      discarded: discarded.length === 0 ? 0 : 1,
      reason: discarded.join('; '),
    });
  }

  /** Says what is left to say. */
  end(): void {
    this.#programmed.flush();
    this.#faults.flush();
  }

  #tellProgrammed({duration, ...counts}: InstallSummary): void {
    const level = counts.refused > 0 ? 'warn' : 'info';
    this.#log.log(level, 'bgp.routes_programmed', {tunnel: this.#tunnel, ...counts, took_ms: duration});
  }
}

const addSummaries = (earlier: InstallSummary, later: InstallSummary): InstallSummary => ({
  added: earlier.added + later.added,
  deleted: earlier.deleted + later.deleted,
  refused: earlier.refused + later.refused,
  errno: later.errno || earlier.errno,
  duration: earlier.duration + later.duration,
});

const addFaults = (earlier: Faults, later: Faults): Faults => ({
  malformed: earlier.malformed + later.malformed,
  error: later.error || earlier.error,
  refused: earlier.refused + later.refused,
  discarded: earlier.discarded + later.discarded,
  reason: later.reason || earlier.reason,
});
