import test from 'ava';
import type {Netlinker} from '../../src/netlink/netlinker.js';
import {resolution} from './netlinker/resolution.js';
import {routes} from './netlinker/routes.js';
import {rules} from './netlinker/rules.js';
import {addresses, greDevices, tunnels} from './netlinker/tunnels.js';
import type {Holds} from './netlinker/world.js';

export interface ContractOptions {
  /** The worlds are one and the same, cleared before each test. */
  readonly shared?: boolean;
  /** Without it, some other kind of device stands in for GRE. */
  readonly gre?: boolean;
}

/**
 * What every `Netlinker` promises. `open` gives one on a host like `ordinaryHost`: 192.0.2.1/24 on a raised `eth0`, a
 * default route via 192.0.2.254, a raised loopback, and nothing else of IPv4.
 */
export function netlinkerContract(
  subject: string,
  open: () => Promise<Netlinker>,
  {shared = false, gre = true}: ContractOptions = {},
): void {
  const declare = shared ? test.serial : test;
  const holds: Holds = (behaviour, body) =>
    declare(`${subject}: ${behaviour}`, async t => {
      await using netlinker = await open();
      await body(t, netlinker);
    });

  if (gre) greDevices(holds);
  tunnels(holds);
  addresses(holds);
  routes(holds);
  resolution(holds);
  rules(holds);
}
