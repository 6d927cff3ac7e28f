import {randomInt} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import type {BgpPeer, BgpSessionStatus} from '../../../src/bgp/bgp-speaker.js';
import {Speaker, type SpeakerOptions} from '../../../src/bgp/speaker.js';
import {formatPrefix, ipv4, parsePrefix} from '../../../src/ip/ipv4.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {silentLogger} from '../../world.js';
import {type Call, ScriptedPeer} from './scripted-peer.js';

export const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(`not a prefix: ${text}`);
  return parsed;
};

/** Resolves when the condition holds; where nothing tells of it, it is asked for again and again. */
export async function eventually(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(5);
  }
}

export interface WorldOptions extends Omit<Partial<SpeakerOptions>, 'netlinker' | 'port'> {
  /** What the speaker is given in place of the model of a kernel. */
  readonly wrap?: (model: MemoryNetlinker) => Netlinker;
  /** Seconds that the peers propose. */
  readonly holdTime?: number;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

const tunnels = ['doublezero0', 'doublezero1'] as const;

/**
 * A speaker on loopback addresses of its own, in front of a model of the kernel, and a scripted peer at the far end of
 * each of two tunnels. Peers are added by the test.
 */
export async function openWorld({wrap = model => model, holdTime = 3, ...options}: WorldOptions = {}) {
  const base = ipv4(0x7f00_0000 + randomInt(1, 0xfffe) * 256);
  const [local, remote] = [
    (tunnel: number) => ipv4(base + 2 * tunnel + 1),
    (tunnel: number) => ipv4(base + 2 * tunnel),
  ];
  const model = new MemoryNetlinker({
    interfaces: tunnels.map((name, index) => ({
      name,
      mtu: 1476,
      up: true,
      addresses: [
        {address: local(index), length: 31, scope: 'link'},
        {...prefix('10.99.0.1/32'), scope: 'universe'},
      ],
    })),
    routes: [],
  });
  const open = {localAs: 65_001, holdTime};
  const device = await ScriptedPeer.listen(remote(0), 0, open);
  const otherDevice = await ScriptedPeer.listen(remote(1), device.port, open);
  const speaker = new Speaker({log: silentLogger(), ...options, netlinker: wrap(model), port: device.port});

  const session = (tunnel: string = tunnels[0]): BgpSessionStatus => {
    const status = speaker.session(tunnel);
    if (status === undefined) throw new Error(`${tunnel} has no peer`);
    return status;
  };
  const config = (index: number, changes: Partial<BgpPeer>): BgpPeer => ({
    tunnel: tunnels[index] ?? '',
    localAddress: local(index),
    peerAddress: remote(index),
    localAsn: 65_000,
    peerAsn: 65_001,
    nlri: [prefix('10.99.0.1/32')],
    routeSource: prefix('10.99.0.1/32').address,
    table: 254,
    noInstall: false,
    noUninstall: false,
    resumed: false,
    ...changes,
  });

  return {
    speaker,
    model,
    device,
    otherDevice,
    session,
    /** Configuration of the peer at the far end of doublezero0, or of doublezero1. */
    peer: (changes: Partial<BgpPeer> = {}) => config(0, changes),
    otherPeer: (changes: Partial<BgpPeer> = {}) => config(1, changes),
    /** The device of doublezero0 comes back after it was disposed of. */
    listenAgain: (port: number) => ScriptedPeer.listen(remote(0), port, open),
    /** Connections of the device's that are not closed yet. */
    openConnections: () => device.openConnections,
    /** Adds the peer and takes its call. */
    async call(changes: Partial<BgpPeer> = {}): Promise<Call> {
      const call = device.call();
      await speaker.addPeer(config(0, changes));
      return call;
    },
    /** A session that is up, seen from the peer. */
    async establish(changes: Partial<BgpPeer> = {}) {
      const call = await this.call(changes);
      await call.establish();
      await this.reaches('up');
      return call;
    },
    /** The same through the other tunnel. */
    async establishOther(changes: Partial<BgpPeer> = {}) {
      const call = otherDevice.call();
      await speaker.addPeer(config(1, changes));
      await (await call).establish();
      await this.reaches('up', tunnels[1]);
      return call;
    },
    /** Resolves when the session is in the state, and to its status. */
    reaches(state: BgpSessionStatus['state'], tunnel: string = tunnels[0]): Promise<BgpSessionStatus> {
      return new Promise(resolve => {
        const look = () => {
          const status = speaker.session(tunnel);
          if (status?.state !== state) return;
          stop();
          resolve(status);
        };
        const stop = speaker.onSessionChange(look);
        look();
      });
    },
    /** Destinations in the model's kernel with protocol 186, in order. */
    async learnedRoutes(tunnel?: string): Promise<string[]> {
      const routes = await model.routes({protocol: 186, ...(tunnel !== undefined && {interface: tunnel})});
      return routes.map(route => formatPrefix(route.destination)).sort();
    },
    async [Symbol.asyncDispose]() {
      await speaker[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
      await otherDevice[Symbol.asyncDispose]();
    },
  };
}
