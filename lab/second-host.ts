import {mkdirSync} from 'node:fs';
import {carrier} from './carrier.js';
import {Daemon} from './daemon.js';
import type {Laboratory} from './laboratory.js';
import {ipBatch, Namespace} from './namespace.js';

const addresses = {host: '198.51.100.1', device: '198.51.100.2', tunnelNet: '169.254.1.0/31'} as const;

/** Another client of the device, with a daemon of its own. */
export class SecondHost implements AsyncDisposable {
  /** What a spec for it has in common with all others. */
  static readonly underlay = {
    tunnelSrc: addresses.host,
    tunnelDst: addresses.device,
    tunnelNet: addresses.tunnelNet,
  };
  /** The device's tunnel to it. */
  static readonly tunnel = {interface: 'tunnel2', client: '169.254.1.1'};

  readonly namespace = new Namespace('host2');
  #daemon: Daemon | undefined;

  static async create(lab: Laboratory): Promise<SecondHost> {
    const host = new SecondHost();
    await ipBatch('netns add host2\nlink add underlay netns host2 type veth peer name underlay2 netns device\n');
    await host.namespace.batch(`
      link set lo up
      addr add ${addresses.host}/24 dev underlay
      link set underlay up
    `);
    await lab.device.batch(`
      addr add ${addresses.device}/24 dev underlay2
      link set underlay2 up
      link add ${SecondHost.tunnel.interface} type gre local ${addresses.device} remote ${addresses.host} ttl 32
      addr add ${addresses.tunnelNet} dev ${SecondHost.tunnel.interface}
      link set ${SecondHost.tunnel.interface} up
    `);
    await Promise.all([carrier(host.namespace, 'underlay'), carrier(lab.device, 'underlay2')]);
    return host;
  }

  async startDaemon(lab: Laboratory): Promise<Daemon> {
    mkdirSync('/run/doublezerod2', {recursive: true});
    this.#daemon = await Daemon.start({
      namespace: this.namespace,
      socket: '/run/doublezerod2/doublezerod.sock',
      logFile: `${lab.logFile}.2`,
    });
    return this.#daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    await ipBatch('netns del host2\n');
  }
}
