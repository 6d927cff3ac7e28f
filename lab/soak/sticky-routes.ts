import type {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {ServiceType, type TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';

/** Whether routes stay in the kernel when they are withdrawn. */
export const isSticky = ({serviceType}: TunnelSpec): boolean =>
  serviceType === ServiceType.SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP;

/**
 * Which routes have to stay, of those that were withdrawn. Which of them a session has learned in passing depends on time,
 * so any that was ever announced may be there; but what was seen there once stays for as long as the tunnel does.
 */
export class StickyRoutes {
  readonly #seen = new Map<string, ReadonlySet<string>>();

  constructor(private readonly everAnnounced: ReadonlySet<string>) {}

  /** The routes that have to be there: those announced now, those seen before, and those there that may be. */
  of(tunnel: Tunnel, rebuilds: number, announced: readonly string[], kernel: readonly string[]): string[] {
    const {uid, updateTime, name} = tunnel;
    const key = `${uid} ${updateTime?.toISOString()} ${rebuilds}`;
    const there = kernel.filter(line => isLearnedOn(line, name));
    const allowed = there.filter(line => this.everAnnounced.has(destinationIn(line)));
    const wanted = new Set([...announced, ...(this.#seen.get(key) ?? []), ...allowed]);
    // One tunnel at a time can be of this kind.
    this.#seen.clear();
    this.#seen.set(key, wanted);
    return [...wanted];
  }
}

const isLearnedOn = (line: string, device: string): boolean =>
  line.startsWith('route ') && line.includes('["protocol","186"]') && line.includes(`["dev","${device}"]`);

/** A host route is written without its length. */
function destinationIn(line: string): string {
  const [, found = ''] = /\["dst","([^"]*)"\]/.exec(line) ?? [];
  return found.includes('/') ? found : `${found}/32`;
}
