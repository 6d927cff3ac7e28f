import {randomUUID} from 'node:crypto';
import {IncompleteUndo, messageOf, runAllOrNothing, runEvery, type StepReport} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {Ports, SpecChange} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import type {Logger} from '../telemetry/logger.js';
import {toTunnelError} from './failure.js';
import type {Slot} from './slot.js';
import {etagOf} from './spec-compare.js';
import type {Tunnel} from './tunnel.js';

/** Carries plans out on the host and keeps the slot's tunnel true to what became of them. Runs inside the slot's queue. */
export class Operations {
  constructor(
    private readonly ports: Ports,
    private readonly log: Logger,
  ) {}

  /** Sets a tunnel up in an empty slot. When that fails the slot is empty again, or holds the remains as `failed`. */
  async create(slot: Slot, spec: TunnelSpec): Promise<Tunnel> {
    const now = new Date();
    const tunnel = slot.set({
      name: slot.name,
      uid: randomUUID(),
      spec,
      state: 'provisioning',
      etag: etagOf(spec),
      createTime: now,
      updateTime: now,
      lastError: '',
    });
    try {
      return await this.setUp(slot, tunnel);
    } catch (error) {
      if (error instanceof IncompleteUndo) slot.set(tunnel, {state: 'failed', lastError: messageOf(error)});
      else slot.tunnel = undefined;
      throw toTunnelError(error);
    }
  }

  /** Tears the slot's tunnel down; the slot is empty then. Where something stays behind the tunnel stays, `failed`. */
  async remove(slot: Slot, tunnel: Tunnel): Promise<StepReport[]> {
    const removing = slot.set(tunnel, {state: 'removing'});
    const report = await this.tearDown(slot, removing);
    slot.tunnel = undefined;
    this.log.info('tunnel.removed', {tunnel: slot.name, service: tunnel.spec.serviceType});
    return report;
  }

  /** Moves a running tunnel to another spec: in place where the service can, else down and up again. */
  async change(slot: Slot, tunnel: Tunnel, change: SpecChange): Promise<Tunnel> {
    const {spec: from} = tunnel;
    const {to} = change;
    const strategy = strategyFor(from);
    const steps = strategyFor(to) === strategy ? strategy.updateInPlace(change, this.ports) : undefined;
    if (!steps) return this.replace(slot, tunnel, to);
    try {
      await runAllOrNothing(steps);
    } catch (error) {
      const state = error instanceof IncompleteUndo ? 'failed' : tunnel.state;
      slot.set(tunnel, {state, lastError: `update failed: ${messageOf(error)}`});
      throw toTunnelError(error);
    }
    this.log.info('tunnel.updated', {tunnel: slot.name, in_place: true, fields: change.fields});
    return slot.set(tunnel, {spec: to, etag: etagOf(to), lastError: '', updateTime: new Date()});
  }

  private async replace(slot: Slot, tunnel: Tunnel, to: TunnelSpec): Promise<Tunnel> {
    await this.tearDown(slot, slot.set(tunnel, {state: 'provisioning'}));
    const next = slot.set(tunnel, {
      spec: to,
      etag: etagOf(to),
      state: 'provisioning',
      updateTime: new Date(),
      lastError: '',
      link: undefined,
    });
    try {
      return await this.setUp(slot, next);
    } catch (error) {
      await this.restore(slot, tunnel, next, error);
      throw toTunnelError(error);
    }
  }

  /** Brings the old spec back after its successor could not be set up. */
  private async restore(slot: Slot, tunnel: Tunnel, failed: Tunnel, cause: unknown): Promise<void> {
    const lastError = `update failed: ${messageOf(cause)}`;
    try {
      if (cause instanceof IncompleteUndo) await this.tearDown(slot, failed);
      await this.setUp(slot, tunnel);
      slot.set(slot.tunnel ?? tunnel, {lastError: `${lastError}; the former spec is back`});
    } catch (error) {
      const lost = `${lastError}; the former spec could not be restored: ${messageOf(error)}`;
      slot.set(tunnel, {state: 'failed', lastError: lost, link: undefined});
      this.log.error('tunnel.restore_failed', {tunnel: slot.name, error: messageOf(error)});
    }
  }

  private async setUp(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    const start = performance.now();
    const {name, spec} = tunnel;
    const undo = await runAllOrNothing(strategyFor(spec).setup(spec, this.ports));
    try {
      const link = await this.ports.netlinker.link(name);
      this.log.info('tunnel.up', {tunnel: name, service: spec.serviceType, took_ms: performance.now() - start});
      return slot.set(tunnel, {state: 'up', lastError: '', link});
    } catch (error) {
      await undo();
      throw error;
    }
  }

  /** Throws, with the report, where a step left something behind; the tunnel is `failed` then. */
  private async tearDown(slot: Slot, tunnel: Tunnel): Promise<StepReport[]> {
    const {name, spec} = tunnel;
    const {reports, errors} = await runEvery(strategyFor(spec).teardown(spec, this.ports));
    for (const {step, ok, error, duration} of reports) {
      const outcome = {tunnel: name, step, took_ms: duration};
      if (ok) this.log.info('teardown.step', outcome);
      else this.log.warn('teardown.step_failed', {...outcome, error});
    }
    if (errors.length === 0) return reports;
    const error = errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(messageOf).join(', '));
    slot.set(tunnel, {state: 'failed', lastError: `teardown incomplete: ${messageOf(error)}`});
    throw toTunnelError(error, {report: reports});
  }
}
