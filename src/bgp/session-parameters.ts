import type {Ipv4} from '../ip/ipv4.js';
import {type AsWidth, asTrans, largestTwoOctetAs} from './codec/as-path.js';
import {BgpError, errorCode, openSubcode} from './codec/bgp-error.js';
import {
  type Capability,
  encodeCapability,
  findCapability,
  type GracefulRestartCapability,
  ipv4Unicast,
  isIpv4Unicast,
  type MultiprotocolCapability,
} from './codec/capability.js';
import {extendedMaximumLength, standardMaximumLength} from './codec/message-header.js';
import {capabilitiesOf, type Open} from './codec/open.js';
import {gracefulRestartIn} from './graceful-restart.js';

/** Proposed, in seconds (RFC 4271 §10). */
export const defaultHoldTime = 90;
/** Seconds the peer has for its OPEN (RFC 4271 §8.2.2: a large value, 4 minutes suggested). */
export const openHoldTime = 240;

/** What a session is opened with. */
export interface OpenConfig {
  readonly localAs: number;
  /** The AS the peer has to be in. */
  readonly peerAs: number;
  readonly bgpIdentifier: Ipv4;
  /** Seconds proposed: 0, or 3 to 65535. */
  readonly holdTime: number;
  /** Offered where it is set (RFC 4724). */
  readonly gracefulRestart?: GracefulRestartCapability | undefined;
}

/** What both sides' OPENs agreed on. */
export interface SessionParameters {
  readonly peerAs: number;
  readonly peerIdentifier: Ipv4;
  /** The peer is in another AS. */
  readonly external: boolean;
  /** Seconds without a message after which the peer counts as gone; 0: never. */
  readonly holdTime: number;
  /** Seconds from one KEEPALIVE to the next; 0: none are sent. */
  readonly keepaliveTime: number;
  /** Octets of an AS number in UPDATEs. */
  readonly asWidth: AsWidth;
  /** Octets of the longest message, for `MessageReader.maximumLength`. */
  readonly maximumMessageLength: number;
  /** The peer takes ROUTE-REFRESH messages. */
  readonly routeRefresh: boolean;
  /** NOTIFICATIONs leave the routes in place, save for a Hard Reset (RFC 8538 §4). */
  readonly gracefulNotifications: boolean;
  /** All the peer offers; `findCapability` finds one. */
  readonly peerCapabilities: readonly Capability[];
}

const ourFamily: MultiprotocolCapability = {kind: 'multiprotocol', ...ipv4Unicast};

/** The OPEN we send. All capabilities are in one parameter, as other speakers have it. */
export const openMessage = (config: OpenConfig): Open => ({
  myAutonomousSystem: config.localAs > largestTwoOctetAs ? asTrans : config.localAs,
  holdTime: config.holdTime,
  bgpIdentifier: config.bgpIdentifier,
  optionalParameters: [
    {
      kind: 'capabilities',
      capabilities: [
        ourFamily,
        {kind: 'route-refresh'},
        {kind: 'extended-message'},
        {kind: 'four-octet-as', as: config.localAs},
        ...(config.gracefulRestart === undefined ? [] : [config.gracefulRestart]),
      ],
    },
  ],
});

const openError = (subcode: number, why: string, data?: Uint8Array) =>
  new BgpError(errorCode.openMessage, subcode, why, data);

/**
 * Checks the peer's OPEN against what is expected of it and settles the session's parameters. Throws a `BgpError`
 * (code 2) where the OPEN is not acceptable (RFC 4271 §6.2). The version was checked by `decodeOpen`.
 */
export function negotiate(config: OpenConfig, open: Open): SessionParameters {
  const peerCapabilities = capabilitiesOf(open);
  const fourOctetAs = findCapability(peerCapabilities, 'four-octet-as');
  const peerAs = fourOctetAs?.as ?? open.myAutonomousSystem;
  const external = config.localAs !== peerAs;
  checkParameters(open);
  checkPeerAs(config, peerAs);
  checkIdentifier(config, open.bgpIdentifier, external);
  checkFamilies(peerCapabilities);
  if (open.holdTime === 1 || open.holdTime === 2) {
    throw openError(openSubcode.unacceptableHoldTime, `hold time ${open.holdTime} s, 0 or at least 3 s expected`);
  }
  const holdTime = Math.min(config.holdTime, open.holdTime);
  return {
    peerAs,
    peerIdentifier: open.bgpIdentifier,
    external,
    holdTime,
    keepaliveTime: holdTime / 3, // RFC 4271 §4.4: so one late KEEPALIVE is survivable
    asWidth: fourOctetAs === undefined ? 2 : 4,
    maximumMessageLength: findCapability(peerCapabilities, 'extended-message')
      ? extendedMaximumLength
      : standardMaximumLength,
    routeRefresh: findCapability(peerCapabilities, 'route-refresh') !== undefined,
    gracefulNotifications:
      config.gracefulRestart?.notification === true && gracefulRestartIn(peerCapabilities)?.notification === true,
    peerCapabilities,
  };
}

function checkParameters(open: Open): void {
  for (const parameter of open.optionalParameters) {
    if (parameter.kind === 'unknown') {
      throw openError(openSubcode.unsupportedOptionalParameter, `optional parameter ${parameter.type}`);
    }
  }
}

/** AS 0 is never right (RFC 7607 §2), and no configuration asks for it. */
function checkPeerAs(config: OpenConfig, peerAs: number): void {
  if (peerAs === config.peerAs && peerAs !== 0) return;
  throw openError(openSubcode.badPeerAs, `peer is AS ${peerAs}, AS ${config.peerAs} expected`);
}

/** RFC 6286 §2.2: not zero, and within one AS not ours. */
function checkIdentifier(config: OpenConfig, identifier: Ipv4, external: boolean): void {
  if (identifier === 0) throw openError(openSubcode.badBgpIdentifier, 'BGP identifier 0.0.0.0');
  if (!external && identifier === config.bgpIdentifier) {
    throw openError(openSubcode.badBgpIdentifier, 'BGP identifier is ours as well');
  }
}

/**
 * A peer that lists families and not ours would neither send nor take our routes (RFC 5492 §5: the data is what we
 * miss). One that lists none speaks IPv4 unicast, as BGP did before there were others.
 */
function checkFamilies(capabilities: readonly Capability[]): void {
  const families = capabilities.filter(capability => capability.kind === 'multiprotocol');
  if (families.length === 0 || families.some(isIpv4Unicast)) return;
  const missing = encodeCapability(ourFamily);
  throw openError(openSubcode.unsupportedCapability, 'peer does not offer IPv4 unicast', missing);
}
