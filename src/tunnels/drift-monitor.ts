import {setTimeout as delay} from 'node:timers/promises';
import type {Link} from '../netlink/netlinker.js';
import {messageOf} from '../services/step.js';
import {strategyFor} from '../services/strategies.js';
import type {Ports} from '../services/strategy.js';
import type {Logger} from '../telemetry/logger.js';
import type {ChangeType} from './events.js';
import type {Operations} from './operations.js';
import type {Slot} from './slot.js';
import type {Tunnel} from './tunnel.js';

export interface DriftMonitorOptions {
  readonly ports: Ports;
  readonly operations: Operations;
  readonly log: Logger;
  readonly announce: (type: ChangeType, tunnel: Tunnel, reason?: string) => void;
  /** Whether what is found is mended. */
  readonly repair: boolean;
}

/** Milliseconds between two looks: reads of a tunnel are answered from memory, at most this old. */
const period = 1000;
/** A look at the learned routes may take this part of the time: dumping a large table every second would be work in itself. */
const routeLookShare = 1 / 20;
const longestBackoff = 30_000;

/** What is known of a slot between two looks. */
interface Health {
  /** `performance.now()` before which nothing is tried again. */
  retryAt: number;
  failures: number;
  /** `performance.now()` before which the learned routes are not looked at again. */
  routesLookAt: number;
  /** What is wrong, as it was last told. */
  reason: string;
}

/**
 * Looks at the kernel once a second, keeps each tunnel's state true to it, and puts back what somebody else took out.
 * It reads instead of listening: nothing that another program does to the routing table can flood it.
 *
 * A device set down by somebody else is their kill switch: it is reported, not fought, and when they lift it the routes
 * that went with it are put back.
 */
export class DriftMonitor implements AsyncDisposable {
  readonly #options: DriftMonitorOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #health = new WeakMap<Slot, Health>();

  constructor(slots: readonly Slot[], options: DriftMonitorOptions) {
    this.#options = options;
    this.#running = this.#watch(slots);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(slots: readonly Slot[]): Promise<void> {
    const {signal} = this.#stop;
    for (;;) {
      await delay(period, undefined, {signal}).catch(() => undefined);
      if (signal.aborted) return;
      await Promise.all(slots.map(slot => this.#look(slot)));
    }
  }

  async #look(slot: Slot): Promise<void> {
    const tunnel = slot.tunnel;
    if (!tunnel || !isWatched(tunnel)) return;
    try {
      const {link, faults} = await this.#inspect(tunnel);
      if (slot.tunnel !== tunnel) return;
      if (faults.length === 0 && tunnel.state === 'up') {
        slot.tunnel = {...tunnel, link};
        await this.#lookAtLearnedRoutes(slot);
      } else {
        // What an operation is just changing looks like drift, so it is judged again when the slot has come to rest.
        await slot.run(() => this.#judge(slot));
      }
    } catch (error) {
      this.#options.log.warn('drift.unreadable', {tunnel: tunnel.name, error: messageOf(error)});
    }
  }

  async #judge(slot: Slot): Promise<void> {
    const {tunnel} = slot;
    if (!tunnel || !isWatched(tunnel) || this.#stop.signal.aborted) return;
    const {link, faults} = await this.#inspect(tunnel);
    if (faults.length === 0) {
      this.#recovered(slot, tunnel, link);
      return;
    }
    const degraded = this.#degraded(slot, tunnel, link, faults.join('; '));
    const isKillSwitch = link?.adminUp === false;
    // What could not be set up at the start is not drift, and somebody waits for it.
    const isWanted = this.#options.repair || this.#options.ports.bgp.session(tunnel.name) === undefined;
    if (isWanted && !isKillSwitch) await this.#repair(slot, degraded);
  }

  async #inspect({name, spec}: Tunnel): Promise<{link: Link | undefined; faults: string[]}> {
    const {ports} = this.#options;
    const link = await ports.netlinker.link(name);
    const down = link?.adminUp === false ? [`interface ${name} was set down by somebody else`] : [];
    return {link, faults: [...down, ...(await strategyFor(spec).drift(spec, ports))]};
  }

  async #lookAtLearnedRoutes(slot: Slot): Promise<void> {
    const health = this.#healthOf(slot);
    const start = performance.now();
    if (!this.#options.repair || start < health.routesLookAt) return;
    const missing = await this.#options.ports.bgp.reinstallMissing(slot.name);
    const took = performance.now() - start;
    health.routesLookAt = performance.now() + Math.max(0, took / routeLookShare - period);
    const {tunnel} = slot;
    if (missing === 0 || tunnel?.state !== 'up') return;
    const degraded = this.#degraded(slot, tunnel, tunnel.link, `${missing} learned routes were missing`);
    this.#recovered(slot, degraded, tunnel.link);
  }

  async #repair(slot: Slot, tunnel: Tunnel): Promise<void> {
    const {operations, log, ports} = this.#options;
    const health = this.#healthOf(slot);
    if (performance.now() < health.retryAt) return;
    try {
      await operations.repair(tunnel);
      await ports.bgp.reinstallMissing(tunnel.name);
      const {link, faults} = await this.#inspect(tunnel);
      if (faults.length > 0) throw new Error(faults.join('; '));
      this.#recovered(slot, tunnel, link);
    } catch (error) {
      health.failures += 1;
      const backoff = Math.min(period * 2 ** health.failures, longestBackoff);
      health.retryAt = performance.now() + backoff;
      const lastError = `repair failed: ${messageOf(error)}`;
      if (lastError !== tunnel.lastError) slot.set(tunnel, {lastError});
      log.warn('drift.repair_failed', {tunnel: tunnel.name, error: messageOf(error), retry_ms: backoff});
    }
  }

  #degraded(slot: Slot, tunnel: Tunnel, link: Link | undefined, reason: string): Tunnel {
    const health = this.#healthOf(slot);
    const isNews = health.reason !== reason;
    const degraded = slot.set(tunnel, {state: 'degraded', link, ...(isNews && {lastError: reason})});
    if (!isNews) return degraded;
    health.reason = reason;
    this.#options.log.warn('drift.detected', {tunnel: tunnel.name, reason});
    this.#options.announce('driftDetected', degraded, reason);
    return degraded;
  }

  #recovered(slot: Slot, tunnel: Tunnel, link: Link | undefined): void {
    if (tunnel.state === 'up') {
      slot.tunnel = {...tunnel, link};
      return;
    }
    const {reason} = this.#healthOf(slot);
    this.#health.delete(slot);
    const up = slot.set(tunnel, {state: 'up', link, lastError: ''});
    this.#options.log.info('drift.repaired', {tunnel: tunnel.name, reason});
    this.#options.announce('driftRepaired', up, reason);
  }

  #healthOf(slot: Slot): Health {
    const known = this.#health.get(slot);
    if (known) return known;
    const health = {retryAt: 0, failures: 0, routesLookAt: 0, reason: ''};
    this.#health.set(slot, health);
    return health;
  }
}

const isWatched = ({state}: Tunnel): boolean => state === 'up' || state === 'degraded';
