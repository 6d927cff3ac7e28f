import {mock} from 'node:test';
import {setImmediate} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {createLogger, format, transports} from 'winston';
import type {BgpPeer} from '../../../src/bgp/bgp-speaker.js';
import {Peer} from '../../../src/bgp/peer.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';
import {PrefixSet} from '../../../src/ip/prefix-set.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import type {Netlinker, Route} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';
import {type Changes, prefix, update} from './updates.js';

export const device = prefix('169.254.0.0/32').address;
export const doublezeroIp = prefix('10.99.0.1/32').address;

export const route = (destination: string, changes: Partial<Route> = {}): Route => ({
  destination: prefix(destination),
  gateway: device,
  source: doublezeroIp,
  interface: 'doublezero0',
  table: 254,
  protocol: 186,
  ...changes,
});

export interface WorldOptions extends Partial<BgpPeer> {
  readonly exclude?: readonly string[];
  readonly prefixLimit?: number;
  readonly local?: boolean;
  /** What is in the kernel before the peer comes. */
  readonly routes?: readonly Route[];
  readonly wrap?: (netlinker: Netlinker) => Netlinker;
}

/** A peer over a model of the kernel, that is handed what its session would hand it: nobody calls anybody here. */
export function openWorld({
  exclude = [],
  prefixLimit = 1000,
  local = true,
  routes = [],
  wrap = x => x,
  ...changes
}: WorldOptions = {}) {
  const model = new MemoryNetlinker({
    interfaces: ['doublezero0', 'doublezero1'].map((name, index) => ({
      name,
      mtu: 1476,
      up: true,
      addresses: [
        {...prefix(`169.254.0.${2 * index + 1}/31`), scope: 'link'},
        ...(local ? [{...prefix('10.99.0.1/32'), scope: 'universe' as const}] : []),
      ],
    })),
    routes,
  });
  const {netlinker, calls, fail} = recording(model);
  const lines: Record<string, unknown>[] = [];
  const collect = format(line => {
    lines.push({...line});
    return false;
  });
  const log = createLogger({format: collect(), transports: [new transports.Console()]});
  const config: BgpPeer = {
    tunnel: 'doublezero0',
    localAddress: prefix('169.254.0.1/32').address,
    peerAddress: device,
    localAsn: 65_000,
    peerAsn: 65_001,
    nlri: [],
    routeSource: doublezeroIp,
    table: 254,
    noInstall: false,
    noUninstall: false,
    resumed: false,
    ...changes,
  };
  const excluded = new PrefixSet(exclude.map(prefix));
  const peer = new Peer(config, {
    netlinker: wrap(netlinker),
    excluded,
    port: 179,
    prefixLimit,
    log,
    onChange: () => {},
  });
  return {
    peer,
    model,
    fail,
    lines,
    calls: () => calls.splice(0),
    learn: (changes: Omit<Changes, 'nextHop'> & Partial<Changes>) => peer.learn(update({nextHop: device, ...changes})),
    /** What the kernel has with the protocol of BGP, when all is settled: the model works without waiting for anything. */
    async kernel() {
      await setImmediate();
      return (await model.routes({protocol: 186})).map(({destination}) => formatPrefix(destination)).sort();
    },
    [Symbol.asyncDispose]: () => peer.abandon(),
    listed: () => peer.routes({limit: 100}).map(({prefix, installed}) => `${formatPrefix(prefix)} ${installed}`),
  };
}

/** An UPDATE that changes nothing. */
export const endOfRib = {};

/** Time passes when the body says so. For serial tests: there is one clock. */
export const inItsTime = test.macro(
  async (t, body: (t: ExecutionContext, pass: (seconds: number) => void) => Promise<void>) => {
    mock.timers.enable({apis: ['setTimeout']});
    t.teardown(() => mock.timers.reset());
    await body(t, seconds => mock.timers.tick(seconds * 1000));
  },
);
