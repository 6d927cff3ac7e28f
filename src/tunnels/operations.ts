import {randomUUID} from 'node:crypto';
import {setDown} from '../services/drift.js';
import {IncompleteUndo, joined, messageOf, runEvery, type StepReport, type TeardownOutcome} from '../services/step.js';
import {strategyFor, sweepOf} from '../services/strategies.js';
import type {Ports, SpecChange} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import type {Logger} from '../telemetry/logger.js';
import {toTunnelError} from './failure.js';
import type {Journal, JournalEntry} from './journal.js';
import {JournalKeeper} from './journal-keeper.js';
import type {Slot} from './slot.js';
import {SpecChanges} from './spec-changes.js';
import {etagOf} from './spec-compare.js';
import type {Tunnel} from './tunnel.js';
import {type Announce, TunnelWork} from './tunnel-work.js';

export interface OperationsOptions {
  readonly ports: Ports;
  readonly journal: Journal;
  readonly log: Logger;
  readonly announce: Announce;
}

/**
 * Carries plans out on the host and keeps the slot's tunnel true to what became of them. Runs inside the slot's queue.
 *
 * The journal is written before the kernel is touched: after a crash whatever is half built is in it, and the next start
 * knows what to finish and what to clear away. A removal is struck from it last, for the same reason.
 */
export class Operations {
  readonly #ports: Ports;
  readonly #journal: JournalKeeper;
  readonly #log: Logger;
  readonly #announce: Announce;
  readonly #work: TunnelWork;
  readonly #changes: SpecChanges;

  constructor({ports, journal, log, announce}: OperationsOptions) {
    this.#ports = ports;
    this.#journal = new JournalKeeper(journal, log);
    this.#log = log;
    this.#announce = announce;
    const options = {ports, journal: this.#journal, log, announce};
    this.#work = new TunnelWork(options);
    this.#changes = new SpecChanges(options, this.#work);
  }

  /** Sets a tunnel up in an empty slot. When that fails the slot is empty again, or holds the remains as `failed`. */
  async create(slot: Slot, spec: TunnelSpec): Promise<Tunnel> {
    const now = new Date();
    const identity = {name: slot.name, uid: randomUUID(), createTime: now, updateTime: now};
    const tunnel = slot.set({...identity, spec, state: 'provisioning', etag: etagOf(spec), lastError: ''});
    slot.isUnborn = true;
    try {
      await this.#journal.put(tunnel, {unfinished: true});
    } catch (error) {
      slot.tunnel = undefined;
      throw toTunnelError(error);
    }
    try {
      const running = await this.#work.setUp(slot, tunnel);
      await this.#work.settle(running);
      return this.#born(slot, running);
    } catch (error) {
      const remains =
        error instanceof IncompleteUndo ? await this.#condemn(tunnel) : await this.#journal.strike(slot.name);
      slot.tunnel = undefined;
      if (remains !== undefined) {
        const lastError = [messageOf(error), remains].filter(Boolean).join('; ');
        this.#born(slot, slot.set(tunnel, {state: 'failed', lastError}), lastError);
      }
      throw toTunnelError(error);
    }
  }

  /** In one breath, so that a watch that begins now has it in its snapshot or in an event, and not in neither. */
  #born(slot: Slot, tunnel: Tunnel, reason?: string): Tunnel {
    slot.isUnborn = false;
    this.#announce('created', tunnel, reason);
    return tunnel;
  }

  /** Tears the slot's tunnel down for good. Where something stays behind the tunnel stays, `failed`. */
  async remove(slot: Slot, tunnel: Tunnel): Promise<StepReport[]> {
    const {reports: report, errors} = await this.#work.takeDown(slot, tunnel);
    if (errors.length > 0) {
      await this.#condemn(tunnel);
      throw this.#incomplete(slot, tunnel, {reports: report, errors});
    }
    try {
      await this.#journal.delete(slot.name);
    } catch (error) {
      const lastError = `torn down, but it comes back with the next start: ${messageOf(error)}`;
      this.#announce('updated', slot.set(tunnel, {state: 'failed', lastError, link: undefined}), lastError);
      throw toTunnelError(error, {report});
    }
    this.#vacate(slot, tunnel);
    return report;
  }

  /** Tears the slot's tunnel down until the daemon starts again: whatever became of that, the next one brings it back. */
  async suspend(slot: Slot, tunnel: Tunnel): Promise<void> {
    const reason = 'the daemon is stopping';
    const outcome = await this.#work.takeDown(slot, tunnel, reason);
    if (outcome.errors.length > 0) {
      // Its device may be there still, and was set down by nobody else.
      await this.#journal.keep(tunnel, {unfinished: true});
      throw this.#incomplete(slot, tunnel, outcome);
    }
    this.#vacate(slot, tunnel, reason);
  }

  /** Moves a running tunnel to another spec. When that fails it has the former one again, or gets it as soon as possible. */
  change(slot: Slot, tunnel: Tunnel, change: SpecChange): Promise<Tunnel> {
    return this.#changes.change(slot, tunnel, change);
  }

  /** Takes out of the kernel what is ours and no entry wants. */
  async sweep(slot: Slot): Promise<void> {
    const {errors} = await runEvery(sweepOf(slot.name)?.(this.#ports, {device: !this.#journal.isNew}) ?? []);
    for (const error of errors) this.#log.warn('restore.remains', {tunnel: slot.name, error: messageOf(error)});
  }

  /** Puts into the slot what the journal says, for readers and the other slots to know of, before anything is done. */
  expect(slot: Slot, {spec, former, unfinished, doomed, ...identity}: JournalEntry): Tunnel {
    if (former) this.#work.formers.note(slot.name, former);
    const state = doomed ? 'removing' : 'provisioning';
    return slot.set({...identity, spec, state, etag: etagOf(spec), lastError: ''});
  }

  /** Has it in the journal whose devices a teardown set down that was cut short: the guards that tell of it are about to go. */
  async noteTeardowns(tunnels: readonly Tunnel[]): Promise<void> {
    for (const tunnel of tunnels) {
      if (tunnel.state !== 'removing') await this.#work.noteTeardown(tunnel).catch(this.#unreadable(tunnel));
    }
  }

  /**
   * Brings back what was expected, adopting what is there already. Where it fails, or somebody has set the device down, the
   * drift monitor sees to it.
   */
  async restore(slot: Slot, tunnel: Tunnel): Promise<void> {
    const doomed = tunnel.state === 'removing';
    try {
      if (doomed) await this.remove(slot, tunnel);
      else if (await this.isHeldDown(tunnel)) await this.#work.degrade(slot, tunnel, setDown(slot.name));
      else this.#announce('updated', await this.#work.finish(slot, tunnel), 'restored');
    } catch (error) {
      this.#log.error('tunnel.not_restored', {tunnel: slot.name, error: messageOf(error)});
      if (doomed) return;
      await this.#work.degrade(slot, tunnel, `not restored yet: ${messageOf(error)}`);
    }
  }

  /** Brings a tunnel back whose interface somebody has deleted. */
  async mend(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    try {
      await this.repair(slot, tunnel);
      const link = await this.#ports.netlinker.link(tunnel.name);
      const mended = slot.set(tunnel, {state: 'up', lastError: '', link});
      this.#announce('driftRepaired', mended, tunnel.lastError);
      return mended;
    } catch (error) {
      throw toTunnelError(error);
    }
  }

  /** Puts back what somebody took out of the kernel, and all that a restore at the start could not set up. */
  async repair(slot: Slot, tunnel: Tunnel): Promise<void> {
    const isSetUp = this.#ports.bgp.session(tunnel.name) !== undefined;
    if (isSetUp) await this.#work.mend(tunnel);
    else await this.#work.finish(slot, tunnel);
  }

  /** Whether somebody has set the device down since it was set up, by this daemon or by the one before it. */
  async isHeldDown({name, spec}: Tunnel): Promise<boolean> {
    return !this.#journal.isUnfinished(name) && strategyFor(spec).isDown(spec, this.#ports);
  }

  #unreadable({name}: Tunnel): (error: unknown) => void {
    return error => this.#log.warn('restore.unreadable', {tunnel: name, error: messageOf(error)});
  }

  /** Something was left behind: the tunnel is `failed`, and the error, which has the report, for the caller. */
  #incomplete(slot: Slot, tunnel: Tunnel, {reports, errors}: TeardownOutcome): unknown {
    const error = joined(errors);
    const lastError = `teardown incomplete: ${messageOf(error)}`;
    this.#announce('updated', slot.set(slot.tunnel ?? tunnel, {state: 'failed', lastError}), lastError);
    return toTunnelError(error, {report: reports});
  }

  #vacate(slot: Slot, tunnel: Tunnel, reason?: string): void {
    slot.tunnel = undefined;
    this.#announce('removed', {...tunnel, state: 'removing', link: undefined}, reason);
    this.#log.info('tunnel.removed', {tunnel: slot.name, service: tunnel.spec.serviceType});
  }

  /** Has the next start clear away what is left of a tunnel that nobody wants any more. Resolves as `keep`. */
  async #condemn(tunnel: Tunnel): Promise<string> {
    return (await this.#journal.keep(tunnel, {doomed: true, former: this.#work.formers.of(tunnel.name)})) ?? '';
  }
}
