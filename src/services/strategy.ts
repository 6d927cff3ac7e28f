import type {BgpSpeaker} from '../bgp/bgp-speaker.js';
import type {MulticastSpeaker} from '../multicast/multicast-speaker.js';
import type {Netlinker} from '../netlink/netlinker.js';
import type {Step} from './step.js';
import type {TeardownSettings} from './teardown.js';
import type {TunnelSpec} from './tunnel-spec.js';

/** What a service may use of the host. */
export interface Ports {
  readonly netlinker: Netlinker;
  readonly bgp: BgpSpeaker;
  readonly multicast: MulticastSpeaker;
  readonly teardown: TeardownSettings;
}

/** The spec's fields by their names in the protos. */
export type SpecField =
  | 'service_type'
  | 'tunnel_src'
  | 'tunnel_dst'
  | 'tunnel_net'
  | 'doublezero_ip'
  | 'doublezero_prefixes'
  | 'bgp_local_asn'
  | 'bgp_remote_asn'
  | 'mcast_pub_groups'
  | 'mcast_sub_groups'
  | 'mcast_rp_address';

/** A running spec, the one it shall become, and the fields in which they differ: at least one. */
export interface SpecChange {
  readonly from: TunnelSpec;
  readonly to: TunnelSpec;
  readonly fields: readonly SpecField[];
}

/** What a service type consists of. The one place where the types differ. */
export interface Strategy {
  /** The interface, and so the slot, the service occupies: one tunnel of its family at a time. */
  readonly interfaceName: 'doublezero0' | 'doublezero1';
  /** The fields that make one spec of this type differ from another; what a service ignores must never disturb it. */
  readonly fields: (spec: TunnelSpec) => readonly SpecField[];
  /** Steps that put the service on the host, in order. */
  setup(spec: TunnelSpec, ports: Ports): Step[];
  /** Steps that take it off again, in order: `tunnel_down` before `tunnel_delete`, always. */
  teardown(spec: TunnelSpec, ports: Ports): Step[];
  /** Steps that let the spec's addresses send again, which a teardown that did not come to its end may have forbidden. */
  unguard(spec: TunnelSpec, ports: Ports): Step[];
  /** Steps that take out what a crash left behind and is known for ours without a spec; `device`: that as well. */
  sweep(ports: Ports, what: {readonly device: boolean}): Step[];
  /** Steps that put back what somebody took out of the kernel, and leave alone what is as it should be. */
  repair(spec: TunnelSpec, ports: Ports): Step[];
  /** In what the host differs from what the spec wants, but for routes, in words; empty where it does not. */
  drift(spec: TunnelSpec, ports: Ports): Promise<string[]>;
  /** Whether the spec's device is there, and down. */
  isDown(spec: TunnelSpec, ports: Ports): Promise<boolean>;
  /** Whether a teardown was begun and has not come to its end. */
  isGuarded(spec: TunnelSpec, ports: Ports): Promise<boolean>;
  /** Which of the routes that the spec wants are missing, in words. Reads whole routing tables, however large. */
  missingRoutes(spec: TunnelSpec, ports: Ports): Promise<string[]>;
  /** Steps that turn one spec into the other with tunnel and session untouched; `undefined` where there is no such way. */
  updateInPlace(change: SpecChange, ports: Ports): Step[] | undefined;
}
