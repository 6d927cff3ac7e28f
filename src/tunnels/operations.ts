import {randomUUID} from 'node:crypto';
import {IncompleteUndo, messageOf, runAllOrNothing, runEvery, type StepReport, throwJoined} from '../services/step.js';
import {strategyFor, sweepOf} from '../services/strategies.js';
import type {Ports, SpecChange} from '../services/strategy.js';
import {allGuardsDelete} from '../services/teardown.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import type {Logger} from '../telemetry/logger.js';
import type {ChangeType} from './events.js';
import {toTunnelError} from './failure.js';
import {FormerSpecs} from './former-specs.js';
import type {Journal, JournalEntry} from './journal.js';
import type {Slot} from './slot.js';
import {etagOf} from './spec-compare.js';
import type {Tunnel} from './tunnel.js';

export interface OperationsOptions {
  readonly ports: Ports;
  readonly journal: Journal;
  readonly log: Logger;
  readonly announce: (type: ChangeType, tunnel: Tunnel, reason?: string) => void;
}

/**
 * Carries plans out on the host and keeps the slot's tunnel true to what became of them. Runs inside the slot's queue.
 *
 * The journal is written before the kernel is touched: after a crash whatever is half built is in it, and the next start
 * knows what to finish and what to clear away. A removal is struck from it last, for the same reason.
 */
export class Operations {
  readonly #ports: Ports;
  readonly #journal: Journal;
  readonly #log: Logger;
  readonly #announce: OperationsOptions['announce'];
  readonly #formers: FormerSpecs;

  constructor({ports, journal, log, announce}: OperationsOptions) {
    this.#ports = ports;
    this.#journal = journal;
    this.#log = log;
    this.#announce = announce;
    this.#formers = new FormerSpecs(ports);
  }

  /** Sets a tunnel up in an empty slot. When that fails the slot is empty again, or holds the remains as `failed`. */
  async create(slot: Slot, spec: TunnelSpec): Promise<Tunnel> {
    const now = new Date();
    const identity = {uid: randomUUID(), createTime: now, updateTime: now};
    const entry = {name: slot.name, spec, ...identity};
    const tunnel = slot.set({...entry, state: 'provisioning', etag: etagOf(spec), lastError: ''});
    try {
      await this.#journal.put(entry);
    } catch (error) {
      slot.tunnel = undefined;
      throw toTunnelError(error);
    }
    try {
      const running = await this.#setUp(slot, tunnel);
      this.#announce('created', running);
      return running;
    } catch (error) {
      const remains = error instanceof IncompleteUndo ? await this.#condemn(tunnel) : await this.#strike(slot.name);
      slot.tunnel = undefined;
      if (remains !== undefined) {
        const lastError = [messageOf(error), remains].filter(Boolean).join('; ');
        this.#announce('created', slot.set(tunnel, {state: 'failed', lastError}), lastError);
      }
      throw toTunnelError(error);
    }
  }

  /** Tears the slot's tunnel down for good. Where something stays behind the tunnel stays, `failed`. */
  async remove(slot: Slot, tunnel: Tunnel): Promise<StepReport[]> {
    const report = await this.#tearDown(slot, tunnel);
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

  /** Tears the slot's tunnel down until the daemon starts again. */
  async suspend(slot: Slot, tunnel: Tunnel): Promise<void> {
    await this.#tearDown(slot, tunnel);
    this.#vacate(slot, tunnel, 'the daemon is stopping');
  }

  /** Moves a running tunnel to another spec: in place where the service can, else down and up again. */
  async change(slot: Slot, tunnel: Tunnel, change: SpecChange): Promise<Tunnel> {
    const strategy = strategyFor(tunnel.spec);
    const isSameService = strategyFor(change.to) === strategy;
    // What is not set up yet has nothing that could stay.
    const canStay = isSameService && this.#ports.bgp.session(slot.name) !== undefined;
    const steps = canStay ? strategy.updateInPlace(change, this.#ports) : undefined;
    const changed = steps
      ? await this.#changeInPlace(slot, tunnel, change.to, steps)
      : await this.#replace(slot, tunnel, change.to);
    const {fields} = change;
    this.#log.info('tunnel.updated', {tunnel: slot.name, in_place: steps !== undefined, fields});
    this.#announce('updated', changed, `changed: ${fields.join(', ')}`);
    return changed;
  }

  /** Takes out of the kernel what is ours and no entry wants. */
  async sweep(slot: Slot): Promise<void> {
    const {errors} = await runEvery(sweepOf(slot.name)?.(this.#ports, {device: !this.#journal.isNew}) ?? []);
    for (const error of errors) this.#log.warn('restore.remains', {tunnel: slot.name, error: messageOf(error)});
  }

  /** Puts into the slot what the journal says, for readers and the other slots to know of, before anything is done. */
  expect(slot: Slot, {spec, former, doomed, ...identity}: JournalEntry): Tunnel {
    if (former) this.#formers.note(slot.name, former);
    const state = doomed ? 'removing' : 'provisioning';
    return slot.set({...identity, spec, state, etag: etagOf(spec), lastError: ''});
  }

  /** Brings back what was expected, adopting what is there already. Where it fails, the drift monitor tries again. */
  async restore(slot: Slot, tunnel: Tunnel): Promise<void> {
    const doomed = tunnel.state === 'removing';
    try {
      if (doomed) await this.remove(slot, tunnel);
      else this.#announce('updated', await this.#finish(slot, tunnel), 'restored');
    } catch (error) {
      this.#log.error('tunnel.not_restored', {tunnel: slot.name, error: messageOf(error)});
      if (doomed) return;
      const lastError = `not restored yet: ${messageOf(error)}`;
      const link = await this.#ports.netlinker.link(slot.name).catch(() => undefined);
      this.#announce('updated', slot.set(tunnel, {state: 'degraded', lastError, link}), lastError);
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
    const {name, spec} = tunnel;
    const isSetUp = this.#ports.bgp.session(name) !== undefined;
    if (isSetUp) await runAllOrNothing(strategyFor(spec).repair(spec, this.#ports));
    else await this.#finish(slot, tunnel);
  }

  /** Sets up what a former run may have begun, or half replaced. */
  async #finish(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    const isReplacement = this.#formers.of(slot.name) !== undefined;
    throwJoined(await this.#formers.clear(slot.name, tunnel.spec));
    throwJoined((await runEvery([allGuardsDelete(this.#ports.netlinker)])).errors);
    const running = await this.#setUp(slot, tunnel);
    if (isReplacement) await this.#keep(entryOf(running));
    return running;
  }

  async #changeInPlace(slot: Slot, tunnel: Tunnel, to: TunnelSpec, steps: Parameters<typeof runAllOrNothing>[0]) {
    const updateTime = new Date();
    try {
      await this.#journal.put(entryOf(tunnel, {spec: to, updateTime}));
      await runAllOrNothing(steps);
    } catch (error) {
      await this.#keep(entryOf(tunnel));
      const state = error instanceof IncompleteUndo ? 'failed' : tunnel.state;
      slot.set(tunnel, {state, lastError: `update failed: ${messageOf(error)}`});
      throw toTunnelError(error);
    }
    return slot.set(slot.tunnel ?? tunnel, {spec: to, etag: etagOf(to), lastError: '', updateTime});
  }

  async #replace(slot: Slot, tunnel: Tunnel, to: TunnelSpec): Promise<Tunnel> {
    const updateTime = new Date();
    try {
      await this.#journal.put(entryOf(tunnel, {spec: to, updateTime, former: tunnel.spec}));
    } catch (error) {
      throw toTunnelError(error);
    }
    await this.#tearDown(slot, tunnel, 'set up anew');
    const next = slot.set(tunnel, {
      spec: to,
      etag: etagOf(to),
      state: 'provisioning',
      updateTime,
      lastError: '',
      link: undefined,
    });
    try {
      const running = await this.#setUp(slot, next);
      await this.#journal.put(entryOf(running));
      return running;
    } catch (error) {
      await this.#bringBack(slot, tunnel, next, error);
      throw toTunnelError(error);
    }
  }

  /** Brings the old spec back after its successor could not be set up. */
  async #bringBack(slot: Slot, tunnel: Tunnel, failed: Tunnel, cause: unknown): Promise<void> {
    const lastError = `update failed: ${messageOf(cause)}`;
    try {
      await this.#keep(entryOf(tunnel, {former: failed.spec}));
      if (cause instanceof IncompleteUndo) await this.#tearDown(slot, failed);
      const running = await this.#setUp(slot, tunnel);
      await this.#keep(entryOf(tunnel));
      const reason = `${lastError}; the former spec is back`;
      this.#announce('updated', slot.set(running, {lastError: reason}), reason);
    } catch (error) {
      const reason = `${lastError}; the former spec could not be restored: ${messageOf(error)}`;
      this.#announce('updated', slot.set(tunnel, {state: 'failed', lastError: reason, link: undefined}), reason);
      this.#log.error('tunnel.restore_failed', {tunnel: slot.name, error: messageOf(error)});
    }
  }

  async #setUp(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    const start = performance.now();
    const {name, spec} = tunnel;
    const undo = await runAllOrNothing(strategyFor(spec).setup(spec, this.#ports));
    try {
      const link = await this.#ports.netlinker.link(name);
      this.#log.info('tunnel.up', {tunnel: name, service: spec.serviceType, took_ms: performance.now() - start});
      return slot.set(tunnel, {state: 'up', lastError: '', link});
    } catch (error) {
      await undo();
      throw error;
    }
  }

  /** Throws, with the report, where a step left something behind; the tunnel is `failed` then. */
  async #tearDown(slot: Slot, tunnel: Tunnel, reason?: string): Promise<StepReport[]> {
    const {name, spec} = tunnel;
    const removing = slot.set(tunnel, {state: 'removing'});
    this.#announce('teardownStarted', removing, reason);
    const remains = await this.#formers.clear(name, spec);
    const outcome = await runEvery(strategyFor(spec).teardown(spec, this.#ports), report => {
      const {step, ok, error, note, duration} = report;
      const outcome = {tunnel: name, step, took_ms: duration, ...(note && {note})};
      if (ok) this.#log.info('teardown.step', outcome);
      else this.#log.warn('teardown.step_failed', {...outcome, error});
      if (ok && step === 'tunnel_down') this.#announce('linkDown', removing, reason);
    });
    try {
      throwJoined([...remains, ...outcome.errors]);
      return outcome.reports;
    } catch (error) {
      await this.#condemn(tunnel);
      const lastError = `teardown incomplete: ${messageOf(error)}`;
      this.#announce('updated', slot.set(removing, {state: 'failed', lastError}), lastError);
      throw toTunnelError(error, {report: outcome.reports});
    }
  }

  #vacate(slot: Slot, tunnel: Tunnel, reason?: string): void {
    slot.tunnel = undefined;
    this.#announce('removed', {...tunnel, state: 'removing', link: undefined}, reason);
    this.#log.info('tunnel.removed', {tunnel: slot.name, service: tunnel.spec.serviceType});
  }

  /** Has the next start clear away what is left of a tunnel that nobody wants any more. Resolves as `#keep`. */
  async #condemn(tunnel: Tunnel): Promise<string> {
    return (await this.#keep(entryOf(tunnel, {doomed: true, former: this.#formers.of(tunnel.name)}))) ?? '';
  }

  /**
   * Writes what a failed operation comes back to. Another failure on top is logged and resolved to, in words: the first one
   * is the caller's answer.
   */
  async #keep(entry: JournalEntry): Promise<string | undefined> {
    return this.#journal.put(entry).then(() => undefined, this.#unwritable(entry.name));
  }

  async #strike(name: string): Promise<string | undefined> {
    return this.#journal.delete(name).then(() => undefined, this.#unwritable(name));
  }

  #unwritable(tunnel: string): (error: unknown) => string {
    return error => {
      this.#log.error('journal.unwritable', {tunnel, error: messageOf(error)});
      return messageOf(error);
    };
  }
}

const entryOf = (
  {name, uid, createTime, updateTime, spec}: Tunnel,
  change: Partial<JournalEntry> = {},
): JournalEntry => ({
  name,
  uid,
  createTime: createTime ?? new Date(),
  updateTime: updateTime ?? new Date(),
  spec,
  ...change,
});
