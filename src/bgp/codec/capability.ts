import {BgpError, errorCode, openSubcode} from './bgp-error.js';
import {concat, lengthField, numbersIn, u8At, u16, u16At, u32, u32At} from './octets.js';

export interface AddressFamily {
  readonly afi: number;
  readonly safi: number;
}

/** The one family this program carries routes of. */
export const ipv4Unicast: AddressFamily = {afi: 1, safi: 1};

export const isIpv4Unicast = ({afi, safi}: AddressFamily): boolean =>
  afi === ipv4Unicast.afi && safi === ipv4Unicast.safi;

/** RFC 4760 §8: a family the speaker carries routes of. */
export interface MultiprotocolCapability extends AddressFamily {
  readonly kind: 'multiprotocol';
}

/** RFC 4724 §3. */
export interface GracefulRestartCapability {
  readonly kind: 'graceful-restart';
  /** Restart State (R): the speaker has restarted, and is not to be waited for. */
  readonly restarted: boolean;
  /** RFC 8538 §2 (N): NOTIFICATIONs other than a Hard Reset leave the routes in place too. */
  readonly notification: boolean;
  /** Seconds until the session is to be back, 0 to 4095. */
  readonly restartTime: number;
  readonly families: readonly (AddressFamily & {
    /** Forwarding State (F): the forwarding table survived. */
    readonly forwardingPreserved: boolean;
  })[];
}

/** RFC 6793 §3. */
export interface FourOctetAsCapability {
  readonly kind: 'four-octet-as';
  /** AS number of its sender. */
  readonly as: number;
}

/** A capability this program makes no use of, as it came. */
export interface UnknownCapability {
  readonly kind: 'unknown';
  readonly code: number;
  readonly value: Uint8Array;
}

export type Capability =
  | MultiprotocolCapability
  | {readonly kind: 'route-refresh'} // RFC 2918 §2
  | {readonly kind: 'extended-message'} // RFC 8654 §3
  | GracefulRestartCapability
  | FourOctetAsCapability
  | UnknownCapability;

const capabilityCode = {
  multiprotocol: 1,
  'route-refresh': 2,
  'extended-message': 6,
  'graceful-restart': 64,
  'four-octet-as': 65,
} as const satisfies Record<Exclude<Capability['kind'], 'unknown'>, number>;

const restartedFlag = 0x8000;
const notificationFlag = 0x4000;
const restartTimeMask = 0x0fff;
const forwardingFlag = 0x80;

export const findCapability = <Kind extends Capability['kind']>(capabilities: readonly Capability[], kind: Kind) =>
  capabilities.find((capability): capability is Extract<Capability, {kind: Kind}> => capability.kind === kind);

/**
 * Reads the Capabilities optional parameter (RFC 5492 §4). Throws a `BgpError` 2/0 where the lengths do not add up
 * or a capability we know is malformed (RFC 4271 §6.2).
 */
export function decodeCapabilities(value: Uint8Array): Capability[] {
  const capabilities: Capability[] = [];
  for (let at = 0; at < value.length; ) {
    const end = at + 2 + u8At(value, at + 1);
    if (at + 2 > value.length || end > value.length) throw malformed('capability ends beyond its parameter');
    capabilities.push(decodeCapability(u8At(value, at), value.subarray(at + 2, end)));
    at = end;
  }
  return capabilities;
}

export const encodeCapabilities = (capabilities: readonly Capability[]): Uint8Array =>
  concat(...capabilities.map(encodeCapability));

/** The parameter value of one capability, as OPEN and the data of NOTIFICATION 2/7 (RFC 5492 §5) carry it. */
export function encodeCapability(capability: Capability): Uint8Array {
  const code = capability.kind === 'unknown' ? capability.code : capabilityCode[capability.kind];
  const value = encodeValue(capability);
  return concat([code], lengthField(1, value, 'capability'), value);
}

const malformed = (why: string, data?: Uint8Array) =>
  new BgpError(errorCode.openMessage, openSubcode.unspecific, why, data);

function decodeCapability(code: number, value: Uint8Array): Capability {
  const wrongLength = () =>
    malformed(`capability ${code} of ${value.length} octets`, concat([code, value.length], value));
  switch (code) {
    case capabilityCode.multiprotocol:
      if (value.length !== 4) throw wrongLength();
      return {kind: 'multiprotocol', afi: u16At(value, 0), safi: u8At(value, 3)};
    case capabilityCode['graceful-restart']:
      if (value.length % 4 !== 2) throw wrongLength();
      return decodeGracefulRestart(value);
    case capabilityCode['four-octet-as']:
      if (value.length !== 4) throw wrongLength();
      return {kind: 'four-octet-as', as: u32At(value, 0)};
    case capabilityCode['route-refresh']:
      if (value.length === 0) return {kind: 'route-refresh'};
      break;
    case capabilityCode['extended-message']:
      if (value.length === 0) return {kind: 'extended-message'};
      break;
  }
  // A capability defined as empty that is not must be something newer than we know.
  return {kind: 'unknown', code, value: value.slice()};
}

function decodeGracefulRestart(value: Uint8Array): GracefulRestartCapability {
  const flagsAndTime = u16At(value, 0);
  return {
    kind: 'graceful-restart',
    restarted: (flagsAndTime & restartedFlag) !== 0,
    notification: (flagsAndTime & notificationFlag) !== 0,
    restartTime: flagsAndTime & restartTimeMask,
    families: numbersIn(value.subarray(2), 4).map(family => ({
      afi: family >>> 16,
      safi: (family >>> 8) & 255,
      forwardingPreserved: (family & forwardingFlag) !== 0,
    })),
  };
}

function encodeValue(capability: Capability): ArrayLike<number> {
  switch (capability.kind) {
    case 'multiprotocol':
      return [...u16(capability.afi), 0, capability.safi];
    case 'route-refresh':
    case 'extended-message':
      return [];
    case 'four-octet-as':
      return u32(capability.as);
    case 'graceful-restart':
      return encodeGracefulRestart(capability);
    case 'unknown':
      return capability.value;
  }
}

const encodeGracefulRestart = ({restarted, notification, restartTime, families}: GracefulRestartCapability) => [
  ...u16((restarted ? restartedFlag : 0) | (notification ? notificationFlag : 0) | (restartTime & restartTimeMask)),
  ...families.flatMap(family => [...u16(family.afi), family.safi, family.forwardingPreserved ? forwardingFlag : 0]),
];
