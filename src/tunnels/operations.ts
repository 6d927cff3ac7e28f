import {randomUUID} from 'node:crypto';
import {IncompleteUndo, messageOf, runAllOrNothing, runEvery, type StepReport} from '../services/step.js';
import {strategyFor, sweepOf} from '../services/strategies.js';
import type {Ports, SpecChange} from '../services/strategy.js';
import {allGuardsDelete} from '../services/teardown.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import type {Logger} from '../telemetry/logger.js';
import type {ChangeType} from './events.js';
import {toTunnelError} from './failure.js';
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

  constructor({ports, journal, log, announce}: OperationsOptions) {
    this.#ports = ports;
    this.#journal = journal;
    this.#log = log;
    this.#announce = announce;
  }

  /** Sets a tunnel up in an empty slot. When that fails the slot is empty again, or holds the remains as `failed`. */
  async create(slot: Slot, spec: TunnelSpec): Promise<Tunnel> {
    const now = new Date();
    const identity = {uid: randomUUID(), createTime: now, updateTime: now};
    const entry = {name: slot.name, spec, ...identity};
    const tunnel = slot.set({...entry, state: 'provisioning', etag: etagOf(spec), lastError: ''});
    try {
      await this.#journal.put(entry);
      const running = await this.#setUp(slot, tunnel);
      this.#announce('created', running);
      return running;
    } catch (error) {
      if (error instanceof IncompleteUndo) {
        await this.#keep({...entry, doomed: true});
        this.#announce('created', slot.set(tunnel, {state: 'failed', lastError: messageOf(error)}), messageOf(error));
      } else {
        await this.#strike(slot.name);
        slot.tunnel = undefined;
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
      slot.set(tunnel, {state: 'failed', lastError: messageOf(error), link: undefined});
      throw error;
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
    const steps = isSameService ? strategy.updateInPlace(change, this.#ports) : undefined;
    const changed = steps
      ? await this.#changeInPlace(slot, tunnel, change.to, steps)
      : await this.#replace(slot, tunnel, change.to);
    const {fields} = change;
    this.#log.info('tunnel.updated', {tunnel: slot.name, in_place: steps !== undefined, fields});
    this.#announce('updated', changed, `changed: ${fields.join(', ')}`);
    return changed;
  }

  /** Takes out of the kernel what a crash left and no entry wants. */
  async sweep(slot: Slot): Promise<void> {
    const {errors} = await runEvery(sweepOf(slot.name)?.(this.#ports) ?? []);
    for (const error of errors) this.#log.warn('restore.remains', {tunnel: slot.name, error: messageOf(error)});
  }

  /** Brings back what the journal says, adopting what is there already. Where it fails, the drift monitor tries again. */
  async restore(slot: Slot, entry: JournalEntry): Promise<void> {
    const {spec, former, doomed, ...identity} = entry;
    const tunnel = slot.set({...identity, spec, state: 'provisioning', etag: etagOf(spec), lastError: ''});
    try {
      if (doomed) {
        await this.remove(slot, tunnel);
        return;
      }
      if (former) await this.#clear(slot, former, spec);
      await runEvery([allGuardsDelete(this.#ports.netlinker)]);
      await this.#setUp(slot, tunnel);
      if (former) await this.#journal.put({...identity, spec});
    } catch (error) {
      const lastError = `not restored yet: ${messageOf(error)}`;
      if (!doomed) slot.set(tunnel, {state: 'degraded', lastError});
      this.#log.error('tunnel.not_restored', {tunnel: slot.name, error: messageOf(error)});
    }
  }

  /** Brings a tunnel back whose interface somebody has deleted. */
  async mend(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    try {
      await this.repair(tunnel);
      const link = await this.#ports.netlinker.link(tunnel.name);
      const mended = slot.set(tunnel, {state: 'up', lastError: '', link});
      this.#announce('driftRepaired', mended, tunnel.lastError);
      return mended;
    } catch (error) {
      throw toTunnelError(error);
    }
  }

  /** Puts back what somebody took out of the kernel, and all that a restore at the start could not set up. */
  async repair({name, spec}: Tunnel): Promise<void> {
    const {setup, repair} = strategyFor(spec);
    const isSetUp = this.#ports.bgp.session(name) !== undefined;
    await runAllOrNothing((isSetUp ? repair : setup)(spec, this.#ports));
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
    await this.#journal.put(entryOf(tunnel, {spec: to, updateTime, former: tunnel.spec}));
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

  /** Takes away what a crash left of the spec before; where both have the same device, adoption sees to the rest. */
  async #clear({name}: Slot, former: TunnelSpec, spec: TunnelSpec): Promise<void> {
    if (former.tunnelSrc === spec.tunnelSrc && former.tunnelDst === spec.tunnelDst) return;
    const {errors} = await runEvery(strategyFor(former).teardown(former, this.#ports));
    for (const error of errors) this.#log.warn('restore.remains', {tunnel: name, error: messageOf(error)});
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
    const {reports, errors} = await runEvery(strategyFor(spec).teardown(spec, this.#ports), report => {
      const {step, ok, error, note, duration} = report;
      const outcome = {tunnel: name, step, took_ms: duration, ...(note && {note})};
      if (ok) this.#log.info('teardown.step', outcome);
      else this.#log.warn('teardown.step_failed', {...outcome, error});
      if (ok && step === 'tunnel_down') this.#announce('linkDown', removing, reason);
    });
    if (errors.length === 0) return reports;
    const error = errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(messageOf).join(', '));
    await this.#keep(entryOf(tunnel, {doomed: true}));
    const lastError = `teardown incomplete: ${messageOf(error)}`;
    this.#announce('updated', slot.set(removing, {state: 'failed', lastError}), lastError);
    throw toTunnelError(error, {report: reports});
  }

  #vacate(slot: Slot, tunnel: Tunnel, reason?: string): void {
    slot.tunnel = undefined;
    this.#announce('removed', {...tunnel, state: 'removing', link: undefined}, reason);
    this.#log.info('tunnel.removed', {tunnel: slot.name, service: tunnel.spec.serviceType});
  }

  /** Writes what a failed operation comes back to. Another failure on top is logged: the first one is the caller's answer. */
  async #keep(entry: JournalEntry): Promise<void> {
    await this.#journal.put(entry).catch((error: unknown) => this.#unwritable(entry.name, error));
  }

  async #strike(name: string): Promise<void> {
    await this.#journal.delete(name).catch((error: unknown) => this.#unwritable(name, error));
  }

  #unwritable(tunnel: string, error: unknown): void {
    this.#log.error('journal.unwritable', {tunnel, error: messageOf(error)});
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
