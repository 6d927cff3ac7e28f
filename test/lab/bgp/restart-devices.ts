import {doublezeroIp} from './peers/addresses.js';
import {bird} from './peers/bird.js';
import type {Device, Help} from './peers/device.js';
import {frr} from './peers/frr.js';
import {gobgp} from './peers/gobgp.js';

/** A device and how its table is watched. */
export interface RestartDevice {
  readonly device: Device;
  /** What it can be told to do for restarting peers, beside nothing. */
  readonly helps: readonly Help[];
  /** Whether it can program its kernel. */
  readonly forwards: boolean;
  /** A program in its namespace that writes a line whenever our route comes or goes. */
  readonly monitor: readonly string[];
  readonly isThere: (line: string) => boolean;
  readonly isGone: (line: string) => boolean;
}

const throughKernel = {
  forwards: true,
  monitor: ['ip', '-o', 'monitor', 'route'],
  isThere: (line: string) => line.startsWith(`${doublezeroIp} `),
  isGone: (line: string) => line.startsWith(`Deleted ${doublezeroIp} `),
};

export const restartDevices: readonly RestartDevice[] = [
  {device: frr, helps: ['RFC 4724', 'RFC 8538'], ...throughKernel},
  {device: bird, helps: ['RFC 4724'], ...throughKernel},
  {
    device: gobgp,
    helps: ['RFC 4724', 'RFC 8538'],
    // It leaves the kernel to others, so its own table has to do.
    forwards: false,
    monitor: ['gobgp', '--target', 'unix:///run/gobgp-device/control', 'monitor', 'global', 'rib'],
    isThere: line => line.includes(`[ROUTE] ${doublezeroIp}/32 `),
    isGone: line => line.includes(`[DELROUTE] ${doublezeroIp}/32 `),
  },
];
