import {BgpError, errorCode, headerSubcode} from './bgp-error.js';
import type {AddressFamily} from './capability.js';
import {encodeMessage, messageType} from './message-header.js';
import {u8At, u16, u16At} from './octets.js';

/** RFC 2918 §3. */
export interface RouteRefresh extends AddressFamily {
  /** 0 asks for the routes; 1 and 2 enclose them where both sides offered it (RFC 7313 §3.2), which we do not. */
  readonly subtype: number;
}

/** Reads the body of a ROUTE-REFRESH. Throws a `BgpError` 1/2 where it is not of 4 octets. */
export function decodeRouteRefresh(body: Uint8Array): RouteRefresh {
  if (body.length !== 4) {
    throw new BgpError(
      errorCode.messageHeader,
      headerSubcode.badMessageLength,
      `ROUTE-REFRESH with a body of ${body.length} octets`,
    );
  }
  return {afi: u16At(body, 0), subtype: u8At(body, 2), safi: u8At(body, 3)};
}

/** The whole message. */
export const encodeRouteRefresh = ({afi, subtype, safi}: RouteRefresh): Uint8Array =>
  encodeMessage(messageType.routeRefresh, [...u16(afi), subtype, safi]);
