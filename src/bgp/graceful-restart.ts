import {ceaseSubcode, errorCode} from './codec/bgp-error.js';
import {type Capability, type GracefulRestartCapability, ipv4Unicast} from './codec/capability.js';
import type {Notification} from './codec/notification.js';

/**
 * Graceful restart (RFC 4724, with NOTIFICATIONs RFC 8538) as this speaker has it: the peer keeps sending to us through
 * our crash, restart or upgrade, since our interface, addresses and routes outlive the process.
 *
 * The other half, to keep the routes of a device that is away itself (RFC 4724 §4.2, the Receiving Speaker), is left
 * out: they are flushed when its session is lost, as if the upper bound that §4.2 lets an implementation put on keeping
 * them were zero. Whatever is behind a device can be reached over the Internet as well, and a host knows no better than
 * that its device does not answer: with the routes gone its traffic takes that way at once, with stale ones it would
 * vanish in a device that lost its state, or its power. The device loses nothing by it: we never wait for its
 * end-of-RIB before we advertise, and send our own behind every initial advertisement, which is what its restart needs.
 */

/** Seconds from the end of a session after which we do not expect the peer to keep our routes. */
export const restartTime = 120;

export interface RestartState {
  /** The process restarted, and no session has stood since. */
  readonly restarted: boolean;
  /** What we advertised last was reachable all along. */
  readonly forwardingPreserved: boolean;
}

/** What an OPEN offers. */
export const gracefulRestartOffer = ({restarted, forwardingPreserved}: RestartState): GracefulRestartCapability => ({
  kind: 'graceful-restart',
  restarted,
  notification: true,
  restartTime,
  families: [{...ipv4Unicast, forwardingPreserved}],
});

/** RFC 4724 §3: where there are several, the last counts. */
export const gracefulRestartIn = (capabilities: readonly Capability[]): GracefulRestartCapability | undefined =>
  capabilities.findLast(capability => capability.kind === 'graceful-restart');

const finalSubcodes: readonly number[] = [
  ceaseSubcode.maximumNumberOfPrefixesReached,
  ceaseSubcode.administrativeShutdown,
  ceaseSubcode.peerDeconfigured,
];

/**
 * Whether the session shall not come back as it was, so that a peer that is graceful about NOTIFICATIONs needs a Hard
 * Reset (RFC 8538 §5.1). Anything else, such as a malformed UPDATE or a hold timer, is to be got over gracefully.
 */
export const isFinal = ({code, subcode}: Notification): boolean =>
  code === errorCode.cease && finalSubcodes.includes(subcode);
