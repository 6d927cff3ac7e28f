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
  /** Called at each look, with a tunnel that is not being worked on. */
  readonly onLook: (tunnel: Tunnel) => void;
  /** Whether what is found is mended. */
  readonly repair: boolean;
}

/** Milliseconds between two looks: what somebody changes is noticed within a second. */
const period = 500;
/** Looking at routes may take this part of the time: reading large tables all the time would be work in itself. */
const routeLookShare = 1 / 5;
/** Milliseconds until a repair that failed is tried again, doubled each time up to the longest. */
const firstBackoff = 2000;
const longestBackoff = 30_000;

/** What is known of a slot between two looks. */
interface Health {
  /** Of the tunnel that it is about. */
  readonly uid: string;
  /** `performance.now()` before which nothing is tried again. */
  retryAt: number;
  failures: number;
  /** `performance.now()` before which routes are not looked at again. */
  routesLookAt: number;
  /** What is wrong, as it was last told. */
  reason: string;
  /** That the kernel could not be read was told. */
  isUnreadable: boolean;
}

interface Findings {
  readonly link: Link | undefined;
  readonly faults: readonly string[];
}

/**
 * Looks at the kernel twice a second, keeps each tunnel's state true to it, and puts back what somebody else took out.
 * It reads instead of listening: nothing that another program does to the routing table can flood it.
 *
 * A device set down by somebody else is their kill switch: it is reported, not fought, and when they lift it the routes
 * that went with it are put back.
 */
export class DriftMonitor implements AsyncDisposable {
  readonly #options: DriftMonitorOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #health = new WeakMap<Slot, Health>();

  constructor(slots: readonly Slot[], options: DriftMonitorOptions) {
    this.#options = options;
    // Each by itself: work on one, which a look waits for, must not keep the other from being looked at.
    this.#running = Promise.all(slots.map(slot => this.#watch(slot)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(slot: Slot): Promise<void> {
    const {signal} = this.#stop;
    for (;;) {
      await delay(period, undefined, {signal}).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look(slot);
    }
  }

  async #look(slot: Slot): Promise<void> {
    const {tunnel} = slot;
    if (!tunnel || !isWatched(tunnel)) return;
    this.#options.onLook(tunnel);
    const health = this.#healthOf(slot, tunnel);
    const withRoutes = performance.now() >= health.routesLookAt;
    try {
      const {link, faults} = await this.#inspect(tunnel, withRoutes ? health : undefined);
      health.isUnreadable = false;
      if (slot.tunnel !== tunnel) return;
      if (faults.length === 0 && tunnel.state === 'up') slot.tunnel = {...tunnel, link};
      // What an operation is just changing looks like drift, so it is judged again when the slot has come to rest.
      else if (withRoutes || tunnel.state === 'up') await slot.run(() => this.#judge(slot));
    } catch (error) {
      if (!health.isUnreadable) {
        this.#options.log.warn('drift.unreadable', {tunnel: tunnel.name, error: messageOf(error)});
      }
      health.isUnreadable = true;
    }
  }

  async #judge(slot: Slot): Promise<void> {
    const {tunnel} = slot;
    const {operations, repair} = this.#options;
    if (!tunnel || !isWatched(tunnel) || this.#stop.signal.aborted) return;
    const {link, faults} = await this.#inspect(tunnel, this.#healthOf(slot, tunnel));
    if (faults.length === 0) {
      this.#recovered(slot, tunnel, link);
      return;
    }
    const degraded = this.#degraded(slot, tunnel, link, faults.join('; '));
    // What could not be set up at the start is not drift, and somebody waits for it.
    const isUnfinished = !this.#isSetUp(tunnel);
    const isKillSwitch = link?.adminUp === false && (!isUnfinished || (await operations.isHeldDown(tunnel)));
    if (!isKillSwitch && (isUnfinished || repair)) await this.#repair(slot, degraded);
  }

  /** Looks at the routes as well where `pace` says when to do so the next time. */
  async #inspect(tunnel: Tunnel, pace?: Health): Promise<Findings> {
    const {ports} = this.#options;
    const {name, spec} = tunnel;
    const strategy = strategyFor(spec);
    const link = await ports.netlinker.link(name);
    const faults = await strategy.drift(spec, ports);
    if (faults.length === 0 && !this.#isSetUp(tunnel)) faults.push('it is not set up yet');
    if (!pace) return {link, faults};
    const start = performance.now();
    faults.push(...(await strategy.missingRoutes(spec, ports)));
    const learned = link?.adminUp ? await ports.bgp.missingRoutes(name) : 0;
    if (learned > 0) faults.push(`${learned} learned ${learned === 1 ? 'route is' : 'routes are'} missing`);
    const took = performance.now() - start;
    pace.routesLookAt = performance.now() + Math.max(0, took / routeLookShare - period);
    return {link, faults};
  }

  async #repair(slot: Slot, tunnel: Tunnel): Promise<void> {
    const {operations, log, ports} = this.#options;
    const health = this.#healthOf(slot, tunnel);
    if (performance.now() < health.retryAt) return;
    try {
      await operations.repair(slot, tunnel);
      await ports.bgp.reinstallMissing(tunnel.name);
      const {link, faults} = await this.#inspect(tunnel, health);
      if (faults.length > 0) throw new Error(faults.join('; '));
      this.#recovered(slot, tunnel, link);
    } catch (error) {
      const backoff = Math.min(firstBackoff * 2 ** health.failures, longestBackoff);
      health.failures += 1;
      health.retryAt = performance.now() + backoff;
      const lastError = `repair failed: ${messageOf(error)}`;
      if (lastError !== tunnel.lastError) slot.set(tunnel, {lastError});
      log.warn('drift.repair_failed', {tunnel: tunnel.name, error: messageOf(error), retry_ms: backoff});
    }
  }

  #degraded(slot: Slot, tunnel: Tunnel, link: Link | undefined, reason: string): Tunnel {
    const health = this.#healthOf(slot, tunnel);
    const isNews = tunnel.state === 'up' || health.reason !== reason;
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
    const {reason} = this.#healthOf(slot, tunnel);
    this.#health.delete(slot);
    const up = slot.set(tunnel, {state: 'up', link, lastError: ''});
    this.#options.log.info('drift.repaired', {tunnel: tunnel.name, reason});
    this.#options.announce('driftRepaired', up, reason);
  }

  #isSetUp({name}: Tunnel): boolean {
    return this.#options.ports.bgp.session(name) !== undefined;
  }

  #healthOf(slot: Slot, {uid}: Tunnel): Health {
    const known = this.#health.get(slot);
    if (known?.uid === uid) return known;
    const health = {uid, retryAt: 0, failures: 0, routesLookAt: 0, reason: '', isUnreadable: false};
    this.#health.set(slot, health);
    return health;
  }
}

const isWatched = ({state}: Tunnel): boolean => state === 'up' || state === 'degraded';
