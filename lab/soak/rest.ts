import {setTimeout as delay} from 'node:timers/promises';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {type Tunnel, TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {patience} from '../patience.js';
import {kernelState} from '../survival/kernel-state.js';
import {expectedState, learnedRoute} from './expected.js';
import type {Slot} from './model.js';
import type {Performer} from './performer.js';
import type {SoakPlace} from './place.js';
import {type SlotName, sameSpec, slotNames} from './specs.js';
import {isSticky, StickyRoutes} from './sticky-routes.js';
import {viewOf} from './watcher.js';

/** Milliseconds. A session that was lost again and again is called only every 30 s. */
const longest = patience * 180_000;
const period = 50;

const {
  TUNNEL_STATE_PROVISIONING: provisioning,
  TUNNEL_STATE_REMOVING: removing,
  TUNNEL_STATE_FAILED: failed,
  TUNNEL_STATE_UP: up,
} = TunnelState;

/** Waits until all has come to rest, and holds what there is against what there should be. */
export class Rest {
  readonly #place: SoakPlace;
  readonly #performer: Performer;
  readonly #sticky: StickyRoutes;

  constructor(place: SoakPlace, performer: Performer) {
    this.#place = place;
    this.#performer = performer;
    this.#sticky = new StickyRoutes(place.device.everAnnounced);
  }

  /** Resolves when everything agrees: the model, the kernel, `ListTunnels` and the watchers. Rejects where that does not come. */
  async take(): Promise<void> {
    const {daemon, device} = this.#place;
    await daemon.disarm();
    await device.thaw();
    await this.#lift();
    const deadline = performance.now() + longest;
    for (;;) {
      const faults = await this.#look();
      if (faults.length === 0) break;
      if (daemon.hasEnded) throw new Error('the daemon has ended');
      if (performance.now() > deadline) throw new Error(`it does not come to rest:\n${faults.join('\n')}`);
      await delay(period);
    }
    this.#performer.disturbed.clear();
  }

  /** Whoever has set an interface down sets it up again. */
  async #lift(): Promise<void> {
    const {lowered} = this.#performer;
    const commands = [...lowered].map(name => `link set ${name} up\n`);
    if (commands.length > 0) await this.#place.host.batch(commands.join(''), '-force').catch(() => undefined);
    lowered.clear();
  }

  async #look(): Promise<string[]> {
    const tunnels = await this.#place.daemon.controller.list();
    const busy = tunnels.filter(({state}) => state === provisioning || state === removing);
    if (busy.length > 0) return busy.map(({name, state}) => `${name} is ${TunnelState[state]}`);
    const worlds = this.#performer.worlds.filter(world => slotNames.every(name => isSeen(world[name], name, tunnels)));
    if (worlds.length === 0) {
      return [
        `nothing explains these tunnels: ${JSON.stringify(tunnels.map(({name, state, lastError, spec}) => ({name, state: TunnelState[state], lastError, spec})))}`,
        `they may stand: ${JSON.stringify(this.#performer.worlds)}`,
      ];
    }
    this.#performer.worlds = worlds;
    const broken = tunnels.find(({state}) => state === failed);
    if (broken) return this.#clearAway(broken);
    const kernel = await kernelState(this.#place.host);
    return [
      ...tunnels.flatMap(tunnel => [...this.#tunnelFaults(tunnel)]),
      ...this.#kernelFaults(tunnels, kernel),
      ...this.#performer.crowd.check(new Map(tunnels.map(tunnel => [tunnel.name, viewOf(tunnel)]))),
    ];
  }

  /** Calling again finishes the work. */
  async #clearAway({name, lastError}: Tunnel): Promise<string[]> {
    await this.#performer.call({kind: 'remove', slot: name as SlotName, allowMissing: false, etag: 'none'});
    this.#performer.count('remains cleared away');
    return [`${name} had failed: ${lastError}`];
  }

  *#tunnelFaults(tunnel: Tunnel): Generator<string> {
    const {name, state, lastError, bgpSession, spec} = tunnel;
    if (state !== up) yield `${name} is ${TunnelState[state]}: ${lastError}`;
    const announced = this.#place.device.announced.length;
    const session = BgpSessionState[bgpSession?.state ?? 0];
    if (bgpSession?.state !== BgpSessionState.BGP_SESSION_STATE_UP) {
      yield `${name}: ${session}: ${bgpSession?.lastError}`;
    } else if (bgpSession.routesReceived !== announced) {
      yield `${name}: ${bgpSession.routesReceived} routes received of ${announced}`;
    } else if (spec && !isSticky(spec) && learnedRoute(spec, '0.0.0.0/0') && bgpSession.routesInstalled !== announced) {
      yield `${name}: ${bgpSession.routesInstalled} routes installed of ${announced}: ${bgpSession.lastError}`;
    }
  }

  #kernelFaults(tunnels: readonly Tunnel[], kernel: readonly string[]): string[] {
    const {baseline, device} = this.#place;
    const wanted = tunnels.flatMap(tunnel => {
      const {spec} = tunnel;
      if (!spec) return [];
      const announced = device.announced.flatMap(prefix => learnedRoute(spec, prefix) ?? []);
      const learned = isSticky(spec) ? this.#sticky.of(tunnel, this.#performer.rebuilds, announced, kernel) : announced;
      return [...expectedState(spec), ...learned];
    });
    return difference(kernel, [...baseline, ...wanted]);
  }
}

function isSeen(slot: Slot, name: SlotName, tunnels: readonly Tunnel[]): boolean {
  const tunnel = tunnels.find(candidate => candidate.name === name);
  if (!tunnel) return slot.is === 'empty';
  if (tunnel.state === failed) return slot.is === 'failed';
  return slot.is === 'running' && tunnel.spec !== undefined && sameSpec(slot.spec, tunnel.spec);
}

/** What the kernel has and should not have, and the other way round. */
export function difference(found: readonly string[], wanted: readonly string[]): string[] {
  const without = (from: readonly string[], others: readonly string[]) => {
    const left = [...others];
    return from.filter(line => {
      const index = left.indexOf(line);
      if (index >= 0) left.splice(index, 1);
      return index < 0;
    });
  };
  const few = (lines: readonly string[]) => [...lines.slice(0, 12), ...(lines.length > 12 ? ['…'] : [])];
  return [
    ...few(without(found, wanted)).map(line => `in the kernel, and should not be: ${line}`),
    ...few(without(wanted, found)).map(line => `not in the kernel, and should be: ${line}`),
  ];
}
