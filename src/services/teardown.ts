import {setTimeout as delay} from 'node:timers/promises';
import {formatIpv4, type Ipv4} from '../ip/ipv4.js';
import {type GreTunnel, NetlinkError, type Netlinker, type Rule} from '../netlink/netlinker.js';
import {exemption, guard, isExemption, isGuard} from './guard.js';
import {type AbortMode, abortSockets, onlyOn} from './socket-steps.js';
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
  /** The device's end of the overlay. */
  readonly overlayPeer: Ipv4;
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
 * 2. The addresses are guarded before any route goes: from then on the default route would take what programs send from
 *    them, and let it out by the public interface. What goes to the device's end of the overlay is exempt.
 * 3. The service's own routes go, for which programs look, then the device hears that the groups are left.
 * 4. The BGP peer gets its Cease, thanks to the exemption, and its routes go.
 * 5. The exemption goes: once the device is lowered, it would lead to the default route too.
 * 6. The device is lowered: what is sent on it fails at once.
 * 7. Sockets that were opened meanwhile are aborted.
 * 8. Programs get a moment to act while the interface still exists.
 * 9. The device is deleted, and the guards with it have nothing left to guard.
 */
export const teardownInOrder = (plan: TeardownPlan): Step[] => {
  const {netlinker, device, overlayAddress, overlayPeer, serviceAddress, settings} = plan;
  const guarded = serviceAddress === undefined ? [] : [serviceAddress];
  const abort = {netlinker, mode: settings.abortSockets, device, addresses: [overlayAddress, ...guarded]};
  return [
    abortSockets('abort_sockets', abort),
    ...guarded.map(address => guardAdd('guard_service_address', plan, address, [guard(address)])),
    guardAdd('guard_overlay_address', plan, overlayAddress, [
      exemption(overlayAddress, overlayPeer),
      guard(overlayAddress),
    ]),
    ...plan.routing,
    ...plan.signalling,
    plan.bgpPeerDelete,
    guardOverlayPeer(netlinker, overlayAddress),
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

const guardAdd = (
  step: string,
  {netlinker, device}: Pick<TeardownPlan, 'netlinker' | 'device'>,
  address: Ipv4,
  rules: readonly Rule[],
): Step => ({
  step,
  advisory: true,
  async run(note) {
    // Through another interface it goes on to be of use, perhaps to the other tunnel.
    if ((await onlyOn(netlinker, device.name, [address])).length === 0) {
      note(`skipped: ${formatIpv4(address)} is not on this interface, or on another as well`);
      return undefined;
    }
    for (const rule of rules) {
      try {
        await netlinker.ruleAdd(rule);
      } catch (error) {
        if (!(error instanceof NetlinkError && error.kind === 'exists')) throw error;
      }
    }
    return undefined;
  },
});

/** Nothing more is to be said to the device. */
const guardOverlayPeer = (netlinker: Netlinker, address: Ipv4): Step => ({
  step: 'guard_overlay_peer',
  advisory: true,
  run: () => deleteGuards(netlinker, rule => isExemption(rule) && rule.source?.address === address),
});

/** Takes out the guards of the addresses. */
export const guardsDelete = (netlinker: Netlinker, addresses: readonly Ipv4[]): Step => ({
  step: 'guards_delete',
  run: () => deleteGuards(netlinker, ({source}) => source !== undefined && addresses.includes(source.address)),
});

/** Whether a teardown of a tunnel with this address was begun, and has not come to its end. */
export const hasGuards = async (netlinker: Netlinker, address: Ipv4): Promise<boolean> =>
  (await netlinker.rules()).some(rule => isGuard(rule) && rule.source?.address === address);

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
