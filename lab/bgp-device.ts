import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {eventually, Frr} from './frr.js';
import type {Namespace} from './namespace.js';
import {addresses} from './topology.js';

const execute = promisify(execFile);

/** What the device announces, as `spec/kernel-state.md` has it. */
export const announced = ['11.0.0.1/32', '11.0.0.2/32', '11.0.1.0/24'] as const;

const localOverlay = '169.254.0.1';

// In a real device the clients' routes are in a table of their own. Here the host's public address is announced by plain
// IBRL, and with a route to it through the tunnel the tunnel's own packets would go round in circles.
const configurations = {
  zebra: `
    route-map none deny 10
    ip protocol bgp route-map none`,
  bgpd: `
    router bgp 65001
     bgp router-id 192.0.2.2
     no bgp ebgp-requires-policy
     no bgp network import-check
     timers bgp 1 3
     neighbor ${localOverlay} remote-as 65000
     neighbor ${localOverlay} passive
     address-family ipv4 unicast
      ${announced.map(prefix => `network ${prefix}`).join('\n')}`,
};

interface Path {
  readonly aspath: {readonly string: string};
  readonly origin: string;
  readonly nexthops: readonly {readonly ip: string}[];
}

interface Ending {
  readonly lastResetDueTo?: string;
  readonly lastNotificationReason?: string;
}

/** The device's BGP in FRR: hold time 3 s, waiting to be called, as DoubleZero configures its switches. */
export class BgpDevice implements AsyncDisposable {
  private constructor(private readonly frr: Frr) {}

  static async start(namespace: Namespace): Promise<BgpDevice> {
    return new BgpDevice(await Frr.start(namespace, configurations));
  }

  async withdraw(prefix: (typeof announced)[number]): Promise<void> {
    const commands = ['configure terminal', 'router bgp 65001', 'address-family ipv4 unicast', `no network ${prefix}`];
    const args = ['--vty_socket', this.frr.folder, '-d', 'bgpd', ...commands.flatMap(command => ['-c', command])];
    await execute('vtysh', args);
  }

  /** Rejects where the prefix does not come with a path of the host's AS alone and the overlay as its next hop. */
  async learns(prefix: string): Promise<string> {
    return eventually(`the device learns ${prefix}`, async () => {
      const {paths} = await this.frr.json<{paths?: Path[]}>('bgpd', `show ip bgp ${prefix}`);
      const [path] = paths ?? [];
      assert(path, 'no path');
      const {aspath, origin, nexthops} = path;
      const found = {path: aspath.string, origin, nextHop: nexthops[0]?.ip};
      assert.deepEqual(found, {path: '65000', origin: 'IGP', nextHop: localOverlay});
      return `AS path ${found.path}, next hop ${found.nextHop}`;
    });
  }

  /** Rejects where the host has not told that it is gone: Cease / Peer De-configured, by itself or in a Hard Reset. */
  async hearsCease(): Promise<string> {
    return eventually('the device hears a Cease', async () => {
      const neighbors = await this.frr.json<Record<string, Ending>>('bgpd', `show ip bgp neighbors ${localOverlay}`);
      const {lastResetDueTo = '', lastNotificationReason = ''} = neighbors[localOverlay] ?? {};
      assert.match(lastResetDueTo, /Notification received/i);
      assert.match(lastNotificationReason, /^Cease/);
      return `${lastResetDueTo}: ${lastNotificationReason}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.frr[Symbol.asyncDispose]();
  }
}

/** A learned route as the kernel's dumps have it. */
export const learnedRoute = (prefix: string, device: string, table: number, source: string): string =>
  `${prefix.replace('/32', '')} via ${addresses.remoteOverlay} dev ${device} table ${table} proto 186 scope 0 src ${source}`;
