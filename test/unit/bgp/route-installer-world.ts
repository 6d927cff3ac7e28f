import {type InstallSummary, RouteInstaller} from '../../../src/bgp/route-installer.js';
import {formatPrefix, type Ipv4Prefix, parsePrefix} from '../../../src/ip/ipv4.js';
import {type PrefixKey, prefixKey} from '../../../src/ip/prefix-key.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import type {Netlinker, Route} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';

export const prefix = (text: string): Ipv4Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
};
const key = (text: string): PrefixKey => prefixKey(prefix(text).address, prefix(text).length);

export const [one, two, three] = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'].map(key) as [
  PrefixKey,
  PrefixKey,
  PrefixKey,
];

export const template: Omit<Route, 'destination'> = {
  interface: 'doublezero0',
  gateway: prefix('169.254.0.0/32').address,
  source: prefix('10.99.0.1/32').address,
  table: 254,
  protocol: 186,
};

/** `closeGate` holds calls up before they reach the kernel; the function it returns lets them through. */
export function openWorld({local = true} = {}) {
  const model = new MemoryNetlinker({
    interfaces: [
      {
        name: 'doublezero0',
        mtu: 1476,
        up: true,
        addresses: [
          {...prefix('169.254.0.1/31'), scope: 'link'},
          ...(local ? [{...prefix('10.99.0.1/32'), scope: 'universe' as const}] : []),
        ],
      },
    ],
    routes: [],
  });
  const {netlinker: recorded, calls, fail} = recording(model);
  let gate = Promise.resolve();
  const netlinker: Netlinker = {
    ...recorded,
    async routesReplace(routes) {
      await gate;
      return recorded.routesReplace(routes);
    },
    async routesDelete(routes) {
      await gate;
      return recorded.routesDelete(routes);
    },
  };
  const summaries: Omit<InstallSummary, 'duration'>[] = [];
  const faults: unknown[] = [];
  const installer = new RouteInstaller({
    netlinker,
    template,
    onSettled: ({duration, ...summary}) => summaries.push(summary),
    onFault: error => faults.push(error),
  });
  return {
    installer,
    netlinker,
    model,
    fail,
    summaries,
    faults,
    /** What was asked of the kernel: `+` to add, `-` to delete. */
    calls: () =>
      calls
        .splice(0)
        .map(call => call.replace(/^routes(\w)\w+ (\S+) .*/, (_, kind, to) => (kind === 'R' ? '+' : '-') + to)),
    /** What the kernel has of it. */
    kernel: async () => (await model.routes({protocol: 186})).map(route => formatPrefix(route.destination)).sort(),
    closeGate() {
      let letThrough = () => {};
      gate = new Promise(resolve => {
        letThrough = resolve;
      });
      return () => letThrough();
    },
  };
}

export type World = ReturnType<typeof openWorld>;
