import {type Ipv4, ipv4} from '../../ip/ipv4.js';
import {BgpError, errorCode, openSubcode} from './bgp-error.js';
import {type Capability, decodeCapabilities, encodeCapabilities} from './capability.js';
import {encodeMessage, messageType} from './message-header.js';
import {concat, lengthField, u8At, u16, u16At, u32, u32At} from './octets.js';

export const bgpVersion = 4;

export type OptionalParameter =
  | {readonly kind: 'capabilities'; readonly capabilities: readonly Capability[]}
  /** Anything but Capabilities (type 2): no such parameter is in use any more. */
  | {readonly kind: 'unknown'; readonly type: number; readonly value: Uint8Array};

/** An OPEN message (RFC 4271 §4.2), version 4. */
export interface Open {
  /** The two-octet field: AS_TRANS where the number does not fit (RFC 6793 §4.1). */
  readonly myAutonomousSystem: number;
  /** Seconds proposed. */
  readonly holdTime: number;
  readonly bgpIdentifier: Ipv4;
  readonly optionalParameters: readonly OptionalParameter[];
}

const capabilitiesParameter = 2;
/** RFC 9072 §2: both the length and the first type say so where lengths of two octets follow. */
const extendedMark = 255;

/** What a peer offers, whether in one parameter or one each (RFC 5492 §4 allows both). */
export const capabilitiesOf = (open: Open): Capability[] =>
  open.optionalParameters.flatMap(parameter => (parameter.kind === 'capabilities' ? parameter.capabilities : []));

/**
 * Reads the body of an OPEN. Throws a `BgpError`: 2/1 for another version, 2/0 for what cannot be read. Whether its
 * values are acceptable is for `negotiate` to say.
 */
export function decodeOpen(body: Uint8Array): Open {
  if (body.length < 10) throw malformed(`OPEN with a body of ${body.length} octets`);
  // Before anything else: another version may have put other things in the fields that follow.
  if (u8At(body, 0) !== bgpVersion) {
    const supported = Uint8Array.from(u16(bgpVersion));
    throw new BgpError(
      errorCode.openMessage,
      openSubcode.unsupportedVersionNumber,
      `version ${u8At(body, 0)}`,
      supported,
    );
  }
  return {
    myAutonomousSystem: u16At(body, 1),
    holdTime: u16At(body, 3),
    bgpIdentifier: ipv4(u32At(body, 5)),
    optionalParameters: decodeParameters(body.subarray(9)),
  };
}

/** The whole message. Lengths of two octets (RFC 9072) are used only where one octet cannot say them. */
export function encodeOpen(open: Open): Uint8Array {
  const parameters = open.optionalParameters.map(encodeParameter);
  const extended = parameters.reduce((total, {value}) => total + 2 + value.length, 0) > 255;
  const list = concat(
    ...parameters.flatMap(({type, value}) => [[type], lengthField(extended ? 2 : 1, value, 'parameter'), value]),
  );
  return encodeMessage(
    messageType.open,
    [bgpVersion, ...u16(open.myAutonomousSystem), ...u16(open.holdTime), ...u32(open.bgpIdentifier)],
    extended ? [extendedMark, extendedMark, ...lengthField(2, list, 'parameter list')] : [list.length],
    list,
  );
}

const malformed = (why: string) => new BgpError(errorCode.openMessage, openSubcode.unspecific, why);

/** Reads from the Optional Parameters Length on. */
function decodeParameters(bytes: Uint8Array): OptionalParameter[] {
  const length = u8At(bytes, 0);
  // RFC 9072 §2: the type decides; the length SHOULD be 255 then, and is only known not to be 0.
  const extended = length > 0 && u8At(bytes, 1) === extendedMark;
  if (extended && bytes.length < 4) throw malformed('extended parameters without a length');
  const list = bytes.subarray(extended ? 4 : 1);
  const expected = extended ? u16At(bytes, 2) : length;
  if (list.length !== expected) throw malformed(`parameters of ${list.length} octets, ${expected} announced`);

  const parameters: OptionalParameter[] = [];
  const prefix = extended ? 3 : 2;
  for (let at = 0; at < list.length; ) {
    const start = at + prefix;
    const end = start + (extended ? u16At(list, at + 1) : u8At(list, at + 1));
    if (start > list.length || end > list.length) throw malformed('parameter ends beyond the message');
    parameters.push(decodeParameter(u8At(list, at), list.subarray(start, end)));
    at = end;
  }
  return parameters;
}

const decodeParameter = (type: number, value: Uint8Array): OptionalParameter =>
  type === capabilitiesParameter
    ? {kind: 'capabilities', capabilities: decodeCapabilities(value)}
    : {kind: 'unknown', type, value: value.slice()};

const encodeParameter = (parameter: OptionalParameter) =>
  parameter.kind === 'capabilities'
    ? {type: capabilitiesParameter, value: encodeCapabilities(parameter.capabilities)}
    : parameter;
