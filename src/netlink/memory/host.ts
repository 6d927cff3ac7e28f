import {parseIpv4, parsePrefix} from '../../ip/ipv4.js';
import type {SocketHolder} from '../host-socket.js';
import {
  type Capabilities,
  type GreTunnel,
  type InterfaceAddress,
  type Route,
  routeProtocol,
  routeTable,
} from '../netlinker.js';

/** An interface that is on the host before the program comes. */
export interface HostInterface {
  readonly name: string;
  readonly kind?: string | undefined;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

/** The host that a `MemoryNetlinker` pretends to be. */
export interface MemoryHost {
  readonly capabilities: Capabilities;
  readonly interfaces: readonly HostInterface[];
  readonly routes: readonly Route[];
  /** Other programs, and the sockets they hold; each socket has an inode of its own. */
  readonly programs: readonly SocketHolder[];
}

/** An interface as it is now. */
export interface LiveInterface {
  readonly index: number;
  readonly name: string;
  readonly kind?: string | undefined;
  readonly tunnel?: GreTunnel | undefined;
  mtu: number;
  up: boolean;
  addresses: InterfaceAddress[];
}

const address = (text: string) => {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`);
  return parsed;
};

const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(`not a prefix: ${text}`);
  return parsed;
};

/** A host that can do everything, with 192.0.2.1 on its `eth0` and the rest of the world behind 192.0.2.254. */
export const ordinaryHost: MemoryHost = {
  capabilities: {netAdmin: true, gre: true, socketAbort: true},
  interfaces: [
    {name: 'lo', mtu: 65_536, up: true, addresses: [{...prefix('127.0.0.1/8'), scope: 'host'}]},
    {name: 'eth0', mtu: 1500, up: true, addresses: [{...prefix('192.0.2.1/24'), scope: 'universe'}]},
  ],
  routes: [
    {
      destination: prefix('0.0.0.0/0'),
      gateway: address('192.0.2.254'),
      interface: 'eth0',
      table: routeTable.main,
      protocol: routeProtocol.boot,
    },
  ],
  programs: [],
};
