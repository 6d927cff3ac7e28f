import {setTimeout as delay} from 'node:timers/promises';
import type {Ipv4} from '../ip/ipv4.js';
import {type GreTunnel, NetlinkError, type Netlinker, type Rule} from '../netlink/netlinker.js';
import {guard, isGuard} from './guard.js';
import {type AbortMode, abortSockets} from './socket-steps.js';
import {ignoreMissing, runEvery, type Step, throwJoined} from './step.js';
import {ownLink, tunnelDelete, tunnelDown} from './tunnel-steps.js';

export interface TeardownSettings {
  /** Milliseconds between lowering and deleting the interface, for programs to act in. */
  readonly linger: number;
  readonly abortSockets: AbortMode;
}

export interface TeardownPlan {
  readonly netlinker: Netlinker;
  readonly settings: TeardownSettings;
  readonly device: GreTunnel;
  readonly overlayAddress: Ipv4;
  /** The DoubleZero IP, where it sits on the tunnel. The host's own address is never aborted nor guarded. */
  readonly serviceAddress: Ipv4 | undefined;
  /** Takes the service's own rules and routes out. */
  readonly routing: readonly Step[];
  /** Ends what the service sends, and tells the device so. */
  readonly signalling: readonly Step[];
  readonly bgpPeerDelete: Step;
}

/**
 * The teardown that applications hear. Every step runs whatever the earlier ones did, and the order is the point:
 *
 * 1. Sockets are aborted first, while routes and link still carry the reset to the peers of TCP.
 * 2. The DoubleZero IP is guarded before any route goes: from then on the default route would take what programs send
 *    from it, and let it out by the public interface.
 * 3. The service's own routes go, for which programs look, then the device hears that the groups are left.
 * 4. The BGP peer gets its Cease, and its routes go.
 * 5. The overlay address is guarded only now, since the Cease had to get out.
 * 6. The device is lowered: what is sent on it fails at once.
 * 7. Sockets that were opened meanwhile are aborted.
 * 8. Programs get a moment to act while the interface still exists.
 * 9. The device is deleted, and the guards with it have nothing left to guard.
 */
export const teardownInOrder = (plan: TeardownPlan): Step[] => {
  const {netlinker, device, overlayAddress, serviceAddress, settings} = plan;
  const guarded = serviceAddress === undefined ? [] : [serviceAddress];
  const abort = {netlinker, mode: settings.abortSockets, device, addresses: [overlayAddress, ...guarded]};
  return [
    abortSockets('abort_sockets', abort),
    ...guarded.map(address => guardAdd('guard_service_address', netlinker, address)),
    ...plan.routing,
    ...plan.signalling,
    plan.bgpPeerDelete,
    guardAdd('guard_overlay_address', netlinker, overlayAddress),
    tunnelDown(netlinker, device),
    abortSockets('abort_late_sockets', abort),
    linger(netlinker, device, settings.linger),
    tunnelDelete(netlinker, device),
    guardsDelete(netlinker, [overlayAddress, ...guarded]),
  ];
};

/** Takes out every guard that there is: at the start none can be wanted, and a crash may have left one. */
export const allGuardsDelete = (netlinker: Netlinker): Step => ({
  step: 'guards_delete',
  run: () => deleteGuards(netlinker, () => true),
});

const guardAdd = (step: string, netlinker: Netlinker, address: Ipv4): Step => ({
  step,
  advisory: true,
  async run() {
    try {
      await netlinker.ruleAdd(guard(address));
    } catch (error) {
      if (!(error instanceof NetlinkError && error.kind === 'exists')) throw error;
    }
    return undefined;
  },
});

const guardsDelete = (netlinker: Netlinker, addresses: readonly Ipv4[]): Step => ({
  step: 'guards_delete',
  run: () => deleteGuards(netlinker, ({source}) => source !== undefined && addresses.includes(source.address)),
});

async function deleteGuards(netlinker: Netlinker, which: (rule: Rule) => boolean): Promise<undefined> {
  const guards = (await netlinker.rules()).filter(rule => isGuard(rule) && which(rule));
  const {errors} = await runEvery(
    guards.map(rule => ({
      step: 'guard_delete',
      run: async () => void (await ignoreMissing(netlinker.ruleDelete(rule))),
    })),
  );
  throwJoined(errors);
}

const linger = (netlinker: Netlinker, device: GreTunnel, milliseconds: number): Step => ({
  step: 'linger',
  advisory: true,
  async run() {
    if (milliseconds > 0 && (await ownLink(netlinker, device))) await delay(milliseconds);
    return undefined;
  },
});
