import {formatIpv4} from '../ip/ipv4.js';
import {strategyFor} from '../services/strategies.js';
import type {SpecChange} from '../services/strategy.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import {InvalidArgument, TunnelError, type Violation} from './errors.js';
import type {Slot} from './slot.js';
import {differences, etagOf} from './spec-compare.js';
import type {Tunnel} from './tunnel.js';

/** How a spec is to be brought about. */
export type Plan =
  | {readonly kind: 'keep'; readonly tunnel: Tunnel}
  /** As wanted, but somebody has deleted its interface. */
  | {readonly kind: 'mend'; readonly tunnel: Tunnel}
  /** `remains`: a tunnel that failed and has to be cleared away first. */
  | {readonly kind: 'create'; readonly remains?: Tunnel | undefined}
  | {readonly kind: 'change'; readonly tunnel: Tunnel; readonly change: SpecChange};

/** A spec, complete, and how it is to be brought about. */
export interface Planned {
  readonly spec: TunnelSpec;
  readonly plan: Plan;
}

/** Compares what runs in the slot with what is asked for. */
export function planFor({tunnel}: Slot, to: TunnelSpec): Plan {
  if (!tunnel || tunnel.state === 'failed') return {kind: 'create', remains: tunnel};
  const fields = differences(tunnel.spec, to).map(({field}) => field);
  const isLost = tunnel.state === 'degraded' && !tunnel.link;
  if (fields.length === 0) return {kind: isLost ? 'mend' : 'keep', tunnel};
  return {kind: 'change', tunnel, change: {from: tunnel.spec, to, fields}};
}

/** The slot runs another spec: the error names every difference. */
export function tunnelExists({name}: Tunnel, {from, to}: SpecChange): TunnelError {
  const found = differences(from, to);
  const words = found.map(({field, description}) => `${field}: ${description}`).join('; ');
  return new TunnelError('tunnel-exists', `${name} runs another spec (${words}); update or remove it`, {
    metadata: Object.fromEntries(found.map(({field, description}) => [field, description])),
  });
}

/** Refuses what the device or the kernel could not tell from the tunnel in another slot. */
export function checkAgainstOthers(spec: TunnelSpec, slots: Iterable<Slot>): void {
  const own = strategyFor(spec).interfaceName;
  const violations: Violation[] = [];
  const others = [...slots].filter(({name}) => name !== own);
  for (const {name, other} of others.flatMap(({name, specs}) => specs.map(other => ({name, other})))) {
    if (other.tunnelSrc === spec.tunnelSrc && other.tunnelDst === spec.tunnelDst) {
      const pair = `${formatIpv4(spec.tunnelSrc)} → ${formatIpv4(spec.tunnelDst)}`;
      const field = 'spec.tunnel_dst';
      violations.push({field, description: `${name} has the same underlay addresses already (${pair})`});
    }
    if (other.tunnelNet.address === spec.tunnelNet.address) {
      violations.push({field: 'spec.tunnel_net', description: `is the overlay of ${name} already`});
    }
  }
  if (violations.length > 0) throw new InvalidArgument(violations);
}

export const notFound = (name: string) => new TunnelError('tunnel-not-found', `no tunnel ${name}`, {metadata: {name}});

/** Refuses a change that was decided on from another state than the slot's; an empty etag is content with any. */
export function checkEtag({name, tunnel}: Slot, etag: string): void {
  if (etag === '' || etag === tunnel?.etag) return;
  const current = tunnel?.etag ?? '';
  throw new TunnelError('etag-mismatch', `${name} has changed: its etag is ${current || 'none'}, not ${etag}`, {
    metadata: {name, etag: current},
  });
}

/** The tunnel as the plan would have it. */
export function preview({name}: Slot, {spec, plan}: Planned): Tunnel {
  if (plan.kind === 'keep' || plan.kind === 'mend') return plan.tunnel;
  const planned = {name, spec, etag: etagOf(spec), state: 'planned', lastError: ''} as const;
  return plan.kind === 'change' ? {...plan.tunnel, ...planned, link: undefined} : {...planned, uid: ''};
}
