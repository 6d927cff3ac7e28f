import assert from 'node:assert/strict';
import {closeSync, openSync, readSync} from 'node:fs';
import {eventually, Frr} from './frr.js';
import type {Namespace} from './namespace.js';

/** A tunnel of the device. */
export interface DeviceTunnel {
  readonly interface: string;
  /** The client's end of its overlay. */
  readonly client: string;
}

type Joins = Record<string, Record<string, unknown>>;
type Channel = Record<string, {readonly channelJoinName: string}>;
type Upstream = Record<string, Record<string, {readonly inboundInterface: string}>>;

const isGroup = (name: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(name);

const configuration = (tunnels: readonly DeviceTunnel[]) => ({
  zebra: '',
  bgpd: `
    router bgp 65001
     bgp router-id 192.0.2.2
     no bgp ebgp-requires-policy
     ${tunnels.map(({client}) => `neighbor ${client} remote-as 65000`).join('\n')}`,
  pimd: `
    debug pim trace
    debug pim events
    ip pim rp 10.0.0.0 233.84.178.0/24
    interface lo
     ip pim
    ${tunnels.map(({interface: name}) => `interface ${name}\n ip pim`).join('\n')}`,
});

/** The device's side in FRR: rendezvous point 10.0.0.0, PIM and BGP on its tunnels. */
export class PimDevice implements AsyncDisposable {
  private constructor(readonly frr: Frr) {}

  static async start(
    namespace: Namespace,
    tunnels: readonly DeviceTunnel[],
    {withBgp = true} = {},
  ): Promise<PimDevice> {
    await namespace.batch('addr add 10.0.0.0/32 dev lo\n');
    await namespace.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
    const {bgpd, ...others} = configuration(tunnels);
    return new PimDevice(await Frr.start(namespace, {...others, ...(withBgp && {bgpd})}));
  }

  /** Addresses of the PIM neighbors on a tunnel. */
  async neighbors({interface: name}: DeviceTunnel): Promise<string[]> {
    const all = await this.frr.json<Record<string, object>>('pimd', 'show ip pim neighbor');
    return Object.keys(all[name] ?? {});
  }

  /** Groups that a tunnel has joined, each by itself: (*,G) in state JOIN. */
  async joined({interface: name}: DeviceTunnel): Promise<string[]> {
    const all = await this.frr.json<Joins>('pimd', 'show ip pim join');
    const channels = Object.entries(all[name] ?? {}).filter(([key]) => isGroup(key)) as [string, Channel][];
    return channels.filter(([, channel]) => channel['*']?.channelJoinName === 'JOIN').map(([group]) => group);
  }

  /** Sources it knows of for a group, `192.0.2.1 on eth0`. */
  async sources(group: string): Promise<string[]> {
    const all = await this.frr.json<Upstream>('pimd', 'show ip pim upstream');
    const known = Object.entries(all[group] ?? {}).filter(([source]) => source !== '*');
    return known.map(([source, {inboundInterface}]) => `${source} on ${inboundInterface}`);
  }

  /** What pimd has logged from a moment on: state changes of (*,G) on its tunnels, and the Prunes that came. */
  history(): PimHistory {
    return new PimHistory(this.frr.logFile('pimd'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.frr[Symbol.asyncDispose]();
  }
}

const stamp = '^(\\d+)/(\\d+)/(\\d+) ([\\d:.]+) PIM: .*';

/** Reads pimd's log, which costs no process as a question to it does. */
export class PimHistory implements Disposable {
  readonly #file: number;
  #position = 0;
  #text = '';

  constructor(path: string) {
    this.#file = openSync(path, 'r');
  }

  /** Forgets what there is by now. */
  restart(): void {
    this.#read();
    this.#text = '';
  }

  /** Rejects where (*,G) does not get into a state in time. */
  async becomes({interface: name}: DeviceTunnel, group: string, state: 'JOIN' | 'NOINFO'): Promise<void> {
    const change = `PIM_IFCHANNEL(${name}): (*,${group}) is switching from`;
    await eventually(
      `${group} is in state ${state}`,
      async () => {
        const line = this.#read()
          .split('\n')
          .findLast(text => text.includes(change));
        assert(line?.endsWith(` to ${state}`), line ?? 'no change of state');
      },
      10,
    );
  }

  /** Whether a join ended by its hold time, and not by what the client said. */
  expired(group: string): boolean {
    return this.#read().includes(`on_ifjoin_expiry_timer: ifchannel (*,${group})`);
  }

  /** When Prunes for a group came from a client: milliseconds since the epoch. */
  prunes({client}: DeviceTunnel, group: string): number[] {
    const line = new RegExp(`${stamp}recv_prune: prune .*,${group}\\).* from ${client} `, 'gm');
    return Array.from(this.#read().matchAll(line), ([, year, month, day, time = '']) => {
      const [second = '', fraction = ''] = time.split('.');
      return Date.parse(`${year}-${month}-${day}T${second}Z`) + Number(`0.${fraction}`) * 1000;
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  /** Only what is new is read, since a log of all that FRR does grows fast. */
  #read(): string {
    const chunk = Buffer.alloc(1 << 16);
    for (;;) {
      const length = readSync(this.#file, chunk, 0, chunk.length, this.#position);
      if (length === 0) return this.#text;
      this.#position += length;
      this.#text += chunk.toString('latin1', 0, length);
    }
  }
}

/** Whatever their order. */
export function expectSame(found: readonly string[], wanted: readonly string[]): string {
  assert.deepEqual([...found].sort(), [...wanted].sort());
  return found.join(', ') || 'none';
}
