import type {Program} from './program.js';
import type {Side, VethWorld} from './veth-world.js';

/** A BGP implementation that plays the device. */
export interface Device {
  readonly name: string;
  /** What has to be installed for it. */
  readonly programs: readonly string[];
  /** Resolves when it waits for connections. */
  start(world: VethWorld, options: DeviceOptions): Promise<RunningDevice>;
}

/** How a device takes it when the host goes away without a word. */
export type Help = 'none' | 'RFC 4724' | 'RFC 8538';

/** Configured as DoubleZero configures its devices: passive, with a hold time of 3 s. */
export interface DeviceOptions {
  readonly side: Side;
  /** AS it is in. */
  readonly asn: number;
  /** AS it expects the host to be in. */
  readonly hostAsn: number;
  readonly address: string;
  readonly hostAddress: string;
  /** Left to its default where this is absent. */
  readonly help?: Help;
  /** Whether it puts what it learns into its kernel, where it can. */
  readonly forwards?: boolean;
}

/** A prefix as it stands in the device's table. */
export interface TableEntry {
  readonly asPath: readonly number[];
  readonly nextHop: string;
  /** As BGP names it: IGP, EGP or INCOMPLETE. */
  readonly origin: string;
}

export interface RunningDevice {
  readonly program: Program;
  announce(prefixes: readonly string[]): Promise<void>;
  withdraw(prefixes: readonly string[]): Promise<void>;
  /** What it has learned of the prefix from the host. */
  learned(prefix: string): Promise<TableEntry | undefined>;
  /** In its own words, what it says of the NOTIFICATION that the host sent it last. */
  lastNotification(): Promise<string>;
}

export const deviceOptions: DeviceOptions = {
  side: 'device',
  asn: 65_001,
  hostAsn: 65_000,
  address: '169.254.0.0',
  hostAddress: '169.254.0.1',
};

export const otherDeviceOptions: DeviceOptions = {
  ...deviceOptions,
  side: 'otherDevice',
  address: '169.254.0.2',
  hostAddress: '169.254.0.3',
};
