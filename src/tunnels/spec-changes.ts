import {IncompleteUndo, messageOf, runAllOrNothing, type Step, throwJoined} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {SpecChange} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import {toTunnelError} from './failure.js';
import type {Slot} from './slot.js';
import {etagOf} from './spec-compare.js';
import type {Tunnel} from './tunnel.js';
import type {TunnelWork, TunnelWorkOptions} from './tunnel-work.js';

/** Moves running tunnels to other specs. Whatever fails on the way, the tunnel is afterwards what it was, or gets there. */
export class SpecChanges {
  readonly #options: TunnelWorkOptions;
  readonly #work: TunnelWork;

  constructor(options: TunnelWorkOptions, work: TunnelWork) {
    this.#options = options;
    this.#work = work;
  }

  /** In place where the service can, else down and up again. */
  async change(slot: Slot, tunnel: Tunnel, change: SpecChange): Promise<Tunnel> {
    const {ports, log, announce} = this.#options;
    const strategy = strategyFor(tunnel.spec);
    const isSameService = strategyFor(change.to) === strategy;
    // What is not set up yet has nothing that could stay.
    const canStay = isSameService && ports.bgp.session(slot.name) !== undefined;
    const steps = canStay ? strategy.updateInPlace(change, ports) : undefined;
    const changed = steps
      ? await this.#changeInPlace(slot, tunnel, change.to, steps)
      : await this.#replace(slot, tunnel, change.to);
    const {fields} = change;
    log.info('tunnel.updated', {tunnel: slot.name, in_place: steps !== undefined, fields});
    announce('updated', changed, `changed: ${fields.join(', ')}`);
    return changed;
  }

  async #changeInPlace(slot: Slot, tunnel: Tunnel, to: TunnelSpec, steps: readonly Step[]): Promise<Tunnel> {
    const {journal} = this.#options;
    const updateTime = new Date();
    try {
      await journal.put(tunnel, {spec: to, updateTime});
      await runAllOrNothing(steps);
    } catch (error) {
      await journal.keep(tunnel);
      const state = error instanceof IncompleteUndo ? 'failed' : tunnel.state;
      slot.set(tunnel, {state, lastError: `update failed: ${messageOf(error)}`});
      throw toTunnelError(error);
    }
    return slot.set(slot.tunnel ?? tunnel, {spec: to, etag: etagOf(to), lastError: '', updateTime});
  }

  async #replace(slot: Slot, tunnel: Tunnel, to: TunnelSpec): Promise<Tunnel> {
    const {journal} = this.#options;
    const updateTime = new Date();
    try {
      // The journal has room for one.
      throwJoined(await this.#work.formers.clear(slot.name, tunnel.spec));
      await journal.put(tunnel, {spec: to, updateTime, former: tunnel.spec});
      this.#work.formers.forget(slot.name);
    } catch (error) {
      throw toTunnelError(error);
    }
    try {
      throwJoined((await this.#work.takeDown(slot, tunnel, 'set up anew')).errors);
      const next = {spec: to, etag: etagOf(to), updateTime, lastError: '', link: undefined};
      const running = await this.#work.setUp(slot, slot.set(tunnel, {...next, state: 'provisioning'}));
      // Durable already; with a former spec that is gone the next start only has a look more to take.
      await journal.keep(running);
      return running;
    } catch (error) {
      await this.#bringBack(slot, tunnel, to, error);
      throw toTunnelError(error);
    }
  }

  /** Brings the old spec back after it could not be taken down, or its successor not set up; if need be again and again. */
  async #bringBack(slot: Slot, tunnel: Tunnel, failed: TunnelSpec, cause: unknown): Promise<void> {
    const {journal, log, announce} = this.#options;
    const failure = `update failed: ${messageOf(cause)}`;
    await journal.keep(tunnel, {former: failed});
    this.#work.formers.note(slot.name, failed);
    try {
      const running = await this.#work.finish(slot, tunnel);
      const lastError = `${failure}; the former spec is back`;
      announce('updated', slot.set(running, {lastError}), lastError);
    } catch (error) {
      const lastError = `${failure}; the former spec could not be restored yet: ${messageOf(error)}`;
      await this.#work.degrade(slot, tunnel, lastError);
      log.error('tunnel.restore_failed', {tunnel: slot.name, error: messageOf(error)});
    }
  }
}
