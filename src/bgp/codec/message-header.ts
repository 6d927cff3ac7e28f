import {concat, u16} from './octets.js';

/** RFC 4271 §4.1; 5: RFC 2918. */
export const messageType = {open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5} as const;
export type MessageType = (typeof messageType)[keyof typeof messageType];

/** Octets of marker, length and type. */
export const headerLength = 19;
export const markerLength = 16;

/** The longest message before, or without, the capability of RFC 8654; OPEN and KEEPALIVE always keep to it. */
export const standardMaximumLength = 4096;
/** The longest message after both sides offered the capability of RFC 8654. */
export const extendedMaximumLength = 65535;

/** Octets of a whole message, header included, by its type (RFC 4271 §4.2 to §4.5, RFC 2918 §3). */
export const messageLengths: Record<MessageType, {readonly least: number; readonly most: number}> = {
  [messageType.open]: {least: 29, most: standardMaximumLength},
  [messageType.update]: {least: 23, most: extendedMaximumLength},
  [messageType.notification]: {least: 21, most: extendedMaximumLength},
  [messageType.keepalive]: {least: 19, most: 19},
  [messageType.routeRefresh]: {least: 23, most: 23},
};

const marker = new Uint8Array(markerLength).fill(255);

/**
 * Puts the header before a body. We never send more than 4,096 octets, even to peers that would take them: what we
 * have to say is short. Fails with a RangeError beyond that.
 */
export function encodeMessage(type: MessageType, ...body: readonly ArrayLike<number>[]): Uint8Array {
  const length = body.reduce((total, part) => total + part.length, headerLength);
  if (length > standardMaximumLength) throw new RangeError(`message of ${length} octets is too long to be sent`);
  return concat(marker, u16(length), [type], ...body);
}

/** RFC 4271 §4.4. */
export const encodeKeepalive = (): Uint8Array => encodeMessage(messageType.keepalive);
