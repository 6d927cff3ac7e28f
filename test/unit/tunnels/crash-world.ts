import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {kernelChanges} from '../../../lab/kernel-changes.js';
import type {BgpPeer} from '../../../src/bgp/bgp-speaker.js';
import {RecordingBgpSpeaker} from '../../../src/bgp/recording-speaker.js';
import {formatIpv4, formatPrefix, hostPrefix, ipv4} from '../../../src/ip/ipv4.js';
import {RecordingMulticastSpeaker} from '../../../src/multicast/recording-speaker.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {type Netlinker, type Operation, type Route, routeProtocol} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';
import {routeIdentity} from '../../../src/services/kernel-state.js';
import {FileJournal} from '../../../src/tunnels/journal.js';
import {TunnelManager} from '../../../src/tunnels/tunnel-manager.js';
import {silentLogger} from '../../world.js';

/** What changes the kernel is a point at which a crash leaves something else behind. */
export const changes: readonly Operation[] = kernelChanges;

const never = new Promise<never>(() => undefined);

/** A netlinker with one of its methods replaced. */
export const replacing = <Name extends keyof Netlinker>(
  inner: Netlinker,
  name: Name,
  method: Netlinker[Name],
): Netlinker =>
  new Proxy(inner, {
    get(target, key) {
      if (key === name) return method;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** When a program dies: with the nth change of the kernel from now on, just before it or just after it. */
export interface Death {
  readonly nth: number;
  readonly when: 'before' | 'after';
}

/** A netlinker whose program can die: then nothing it asked for is ever answered, and nothing it asks for is done. */
export function mortal(inner: Netlinker) {
  let [count, isDead] = [0, false];
  let counted = new Map<string, number>();
  let death: Death | undefined;
  let announceDeath = () => {};
  const died = new Promise<void>(resolve => {
    announceDeath = resolve;
  });
  const die = () => {
    isDead = true;
    announceDeath();
    return never;
  };
  const netlinker = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (isDead) return never;
        if (!changes.includes(name as Operation)) return method(...args);
        count += 1;
        counted.set(String(name), (counted.get(String(name)) ?? 0) + 1);
        const isLast = count === death?.nth;
        if (isLast && death?.when === 'before') return die();
        const answer = method(...args);
        if (!isLast) return answer;
        await answer.catch(() => undefined); // a refused change is one as well
        return die();
      };
    },
  });
  return {
    netlinker,
    died,
    /** From now on, how often each change is asked for. */
    count: () => {
      counted = new Map();
      return counted;
    },
    /** Changes asked for since the last call. */
    take: () => {
      const taken = count;
      count = 0;
      return taken;
    },
    dieWith(next: Death) {
      [count, death] = [0, next];
    },
  };
}

/**
 * In place of a speaker with a device that advertises two addresses, one of which no other device has: they are in the
 * kernel once the peer is added, and out of it once it is deleted.
 */
export class LearningSpeaker extends RecordingBgpSpeaker {
  constructor(private readonly netlinker: Netlinker) {
    super();
  }

  override async addPeer(peer: BgpPeer): Promise<void> {
    if (!peer.noInstall) {
      const routes = learned(peer);
      const {table, protocol, gateway, interface: device} = routes[0] as Route;
      const found = await this.netlinker.routes({table, protocol, gateway, interface: device});
      const foreign = found.filter(({source}) => source !== peer.routeSource);
      if (foreign.length > 0) await this.netlinker.routesDelete(foreign);
      if (found.length - foreign.length < routes.length) await this.netlinker.routesReplace(routes);
    }
    await super.addPeer(peer);
  }

  override async missingRoutes(): Promise<number> {
    return (await this.#missing()).length;
  }

  override async reinstallMissing(): Promise<number> {
    const missing = await this.#missing();
    await this.netlinker.routesReplace(missing);
    return missing.length;
  }

  async #missing(): Promise<Route[]> {
    const present = new Set((await this.netlinker.routes({protocol: routeProtocol.bgp})).map(routeIdentity));
    const wanted = [...this.peers.values()].filter(({noInstall}) => !noInstall).flatMap(learned);
    return wanted.filter(route => !present.has(routeIdentity(route)));
  }

  override async deletePeer(tunnel: string): Promise<void> {
    const peer = this.peers.get(tunnel);
    if (peer && !peer.noInstall) await this.netlinker.routesDelete(learned(peer));
    await super.deletePeer(tunnel);
  }
}

const learned = ({tunnel, peerAddress, routeSource, table}: BgpPeer): Route[] =>
  [ipv4(0x0b000001), ipv4(0x0b010000 + (peerAddress & 0xffff))].map(address => ({
    destination: hostPrefix(address),
    table,
    protocol: routeProtocol.bgp,
    gateway: peerAddress,
    source: routeSource,
    interface: tunnel,
  }));

/** The kernel in words, in an order of its own: equal for kernels that do the same. */
export async function kernelText(netlinker: Netlinker): Promise<string[]> {
  const lines: string[] = [];
  for (const name of ['doublezero0', 'doublezero1']) {
    const link = await netlinker.link(name);
    if (!link) continue;
    const {local = ipv4(0), remote = ipv4(0)} = link.tunnel ?? {};
    lines.push(
      `${name} ${formatIpv4(local)} → ${formatIpv4(remote)} mtu ${link.mtu} ${link.adminUp ? 'up' : 'down'}`,
      ...(await netlinker.addresses(name)).map(address => `${name} ${formatPrefix(address)} ${address.scope}`),
    );
  }
  const rules = (await netlinker.rules()).map(rule => `rule ${JSON.stringify(rule)}`);
  const routes = (await netlinker.routes()).map(
    ({destination, ...route}) => `route ${formatPrefix(destination)} ${JSON.stringify(Object.entries(route).sort())}`,
  );
  return [...lines, ...rules, ...routes].sort();
}

/** In memory where that is possible: what a disk would lose with its power is not the subject, and syncing takes time. */
const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A host whose daemon can die and be started again: the kernel and the state directory stay. */
export async function openHost() {
  const stateDir = await mkdtemp(join(folder, 'doublezerod-crash-'));
  const kernel = new MemoryNetlinker();
  const managers: TunnelManager[] = [];
  return {
    kernel,
    stateDir,
    /** Writes over the journal. */
    spoilJournal: () => writeFile(join(stateDir, 'tunnels.json'), '{"version": 1, "tun'),
    /** Starts a daemon, as `runDaemon` does. */
    async start(ofAnotherHost: Netlinker = kernel, {learns = true, repair = true, log = silentLogger()} = {}) {
      const mortality = mortal(ofAnotherHost);
      const {netlinker, fail, calls} = recording(mortality.netlinker);
      const journal = await FileJournal.open(stateDir, () => undefined);
      const bgp = learns ? new LearningSpeaker(netlinker) : new RecordingBgpSpeaker();
      const multicast = new RecordingMulticastSpeaker();
      const manager = new TunnelManager({netlinker, bgp, multicast, journal, log, repair});
      managers.push(manager);
      return {manager, journal, bgp, fail, calls, ...mortality};
    },
    async [Symbol.asyncDispose]() {
      // Dead ones never get to their end.
      for (const manager of managers) void manager[Symbol.asyncDispose]();
      await rm(stateDir, {recursive: true, force: true});
    },
  };
}

export type Host = Awaited<ReturnType<typeof openHost>>;
