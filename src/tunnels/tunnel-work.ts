import type {Link} from '../netlink/netlinker.js';
import {IncompleteUndo, runAllOrNothing, runEvery, type TeardownOutcome, throwJoined} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {Ports} from '../services/strategy.js';
import type {Logger} from '../telemetry/logger.js';
import type {ChangeType} from './events.js';
import {FormerSpecs} from './former-specs.js';
import type {JournalKeeper} from './journal-keeper.js';
import type {Slot} from './slot.js';
import type {Tunnel} from './tunnel.js';

export type Announce = (type: ChangeType, tunnel: Tunnel, reason?: string) => void;

export interface TunnelWorkOptions {
  readonly ports: Ports;
  readonly journal: JournalKeeper;
  readonly log: Logger;
  readonly announce: Announce;
}

/** Sets tunnels up and takes them down, with the events and the log that belong to it: what all operations are made of. */
export class TunnelWork {
  /** What is being replaced, or was when that was cut short. */
  readonly formers: FormerSpecs;
  readonly #ports: Ports;
  readonly #journal: JournalKeeper;
  readonly #log: Logger;
  readonly #announce: Announce;

  constructor({ports, journal, log, announce}: TunnelWorkOptions) {
    this.formers = new FormerSpecs(ports);
    this.#ports = ports;
    this.#journal = journal;
    this.#log = log;
    this.#announce = announce;
  }

  /** All or nothing. The tunnel is up then. */
  async setUp(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    const start = performance.now();
    const {name, spec} = tunnel;
    const undo = await runAllOrNothing(strategyFor(spec).setup(spec, this.#ports));
    try {
      const link = await this.#ports.netlinker.link(name);
      this.#log.info('tunnel.up', {tunnel: name, service: spec.serviceType, took_ms: performance.now() - start});
      return slot.set(tunnel, {state: 'up', lastError: '', link});
    } catch (error) {
      await undo().catch(undoError => {
        throw new IncompleteUndo(error, [undoError]);
      });
      throw error;
    }
  }

  /** Sets up what a former run, or a change that failed, may have begun or half replaced. */
  async finish(slot: Slot, tunnel: Tunnel): Promise<Tunnel> {
    const {name, spec} = tunnel;
    if (!(await this.#ports.netlinker.link(name))?.adminUp) await this.#begin(tunnel);
    throwJoined(await this.formers.clear(name, spec));
    throwJoined((await runEvery(strategyFor(spec).unguard(spec, this.#ports))).errors);
    const running = await this.setUp(slot, tunnel);
    this.formers.forget(name);
    await this.settle(running);
    return running;
  }

  /** Puts back what somebody took out of the kernel. */
  async mend(tunnel: Tunnel): Promise<void> {
    const {name, spec} = tunnel;
    if (!(await this.#ports.netlinker.link(name))) await this.#begin(tunnel);
    await runAllOrNothing(strategyFor(spec).repair(spec, this.#ports));
    await this.settle(tunnel);
  }

  /** A teardown that was cut short has left a guard: whatever became of the device since, nobody else set it down. */
  async noteTeardown(tunnel: Tunnel): Promise<void> {
    if (await strategyFor(tunnel.spec).isGuarded(tunnel.spec, this.#ports)) await this.#begin(tunnel);
  }

  /** Notes that the tunnel is whole: from now on a device that is down was set down by somebody else. */
  async settle(tunnel: Tunnel): Promise<void> {
    if (this.#journal.isUnfinished(tunnel.name)) await this.#journal.keep(tunnel);
  }

  /** Should this be cut short, the next start must not take a device that is not raised yet for one that was set down. */
  async #begin(tunnel: Tunnel): Promise<void> {
    if (!this.#journal.isUnfinished(tunnel.name)) await this.#journal.keep(tunnel, {unfinished: true});
  }

  /** Leaves to the drift monitor to finish it. */
  async degrade(slot: Slot, tunnel: Tunnel, lastError: string): Promise<void> {
    const link = await this.#linkOf(slot.name);
    this.#announce('updated', slot.set(tunnel, {state: 'degraded', lastError, link}), lastError);
  }

  /** Runs every step, whatever becomes of it; the slot's tunnel is left `removing`, with the link that is left. */
  async takeDown(slot: Slot, tunnel: Tunnel, reason?: string): Promise<TeardownOutcome> {
    const {name, spec} = tunnel;
    const removing = slot.set(tunnel, {state: 'removing'});
    this.#announce('teardownStarted', removing, reason);
    const remains = await this.formers.clear(name, spec);
    if (remains.length === 0) this.formers.forget(name);
    const {reports, errors} = await runEvery(strategyFor(spec).teardown(spec, this.#ports), async report => {
      const {step, ok, error, note, duration} = report;
      const outcome = {tunnel: name, step, took_ms: duration, ...(note && {note})};
      if (ok) this.#log.info('teardown.step', outcome);
      else this.#log.warn('teardown.step_failed', {...outcome, error});
      if (ok && step === 'tunnel_down') {
        const lowered = slot.set(removing, {link: await this.#linkOf(name)});
        this.#announce('linkDown', lowered, reason);
      }
      if (ok && step === 'tunnel_delete') slot.set(removing, {link: undefined});
    });
    return {reports, errors: [...remains, ...errors]};
  }

  /** `undefined` also where it cannot be read: what is done does not depend on it. */
  #linkOf(name: string): Promise<Link | undefined> {
    return this.#ports.netlinker.link(name).catch(() => undefined);
  }
}
