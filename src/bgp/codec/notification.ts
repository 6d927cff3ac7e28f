import {BgpError, ceaseSubcode, errorCode, headerSubcode} from './bgp-error.js';
import {encodeMessage, headerLength, messageType, standardMaximumLength} from './message-header.js';
import {concat, u8At} from './octets.js';

/** RFC 4271 §4.5. A `BgpError` is one too. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

const longestData = standardMaximumLength - headerLength - 2;
const longestCommunication = 255;

/** Reads the body of a NOTIFICATION. Throws a `BgpError` 1/2 only where not even code and subcode are there. */
export function decodeNotification(body: Uint8Array): Notification {
  if (body.length < 2) {
    throw new BgpError(
      errorCode.messageHeader,
      headerSubcode.badMessageLength,
      `NOTIFICATION with a body of ${body.length} octets`,
    );
  }
  return {code: u8At(body, 0), subcode: u8At(body, 1), data: body.slice(2)};
}

/** The whole message. Data too long for it is cut off: it quotes the peer, who may send more than we do (RFC 8654 §5). */
export const encodeNotification = ({code, subcode, data}: Notification): Uint8Array =>
  encodeMessage(messageType.notification, [code, subcode], data.subarray(0, longestData));

/**
 * A Cease (RFC 4486), with words for the peer's operator where there are any (RFC 9003 §2: only Administrative
 * Shutdown and Reset carry them). Text over 255 octets of UTF-8 is cut off between two characters.
 */
export function cease(subcode: number, communication = ''): Notification {
  if (communication === '') return {code: errorCode.cease, subcode, data: new Uint8Array()};
  const octets = new Uint8Array(longestCommunication);
  const {written} = new TextEncoder().encodeInto(communication, octets);
  return {code: errorCode.cease, subcode, data: concat([written], octets.subarray(0, written))};
}

/**
 * The words a peer's operator left in a Cease (RFC 9003), as they came but for octets that are not UTF-8, which
 * become U+FFFD. `undefined` where there are none. Not yet fit to be shown: see `describeNotification`.
 */
export function shutdownCommunication({code, subcode, data}: Notification): string | undefined {
  const carries = subcode === ceaseSubcode.administrativeShutdown || subcode === ceaseSubcode.administrativeReset;
  const length = u8At(data, 0);
  if (code !== errorCode.cease || !carries || length === 0 || length >= data.length) return undefined;
  return new TextDecoder().decode(data.subarray(1, 1 + length));
}

/** RFC 8538 §3: the same, and nothing of the session is to be kept. */
export const hardReset = ({code, subcode, data}: Notification): Notification => ({
  code: errorCode.cease,
  subcode: ceaseSubcode.hardReset,
  data: concat([code, subcode], data),
});

/** The NOTIFICATION inside a Hard Reset (RFC 8538 §3), `undefined` where this is no Hard Reset or carries none. */
export const insideHardReset = ({code, subcode, data}: Notification): Notification | undefined =>
  code === errorCode.cease && subcode === ceaseSubcode.hardReset && data.length >= 2
    ? decodeNotification(data)
    : undefined;
