import {type BgpError, ceaseSubcode, errorCode} from './codec/bgp-error.js';
import {insideHardReset, type Notification, shutdownCommunication} from './codec/notification.js';
import {u32At} from './codec/octets.js';

interface ErrorName {
  readonly name: string;
  readonly subcodes: Readonly<Record<number, string>>;
}

/** IANA "BGP Error (Notification) Codes" and their subcodes. */
const errorNames: Readonly<Record<number, ErrorName>> = {
  1: {
    name: 'Message Header Error', // RFC 4271
    subcodes: {1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type'},
  },
  2: {
    name: 'OPEN Message Error', // RFC 4271, RFC 5492 (7), RFC 9234 (11)
    subcodes: {
      1: 'Unsupported Version Number',
      2: 'Bad Peer AS',
      3: 'Bad BGP Identifier',
      4: 'Unsupported Optional Parameter',
      5: 'Authentication Failure',
      6: 'Unacceptable Hold Time',
      7: 'Unsupported Capability',
      11: 'Role Mismatch',
    },
  },
  3: {
    name: 'UPDATE Message Error', // RFC 4271
    subcodes: {
      1: 'Malformed Attribute List',
      2: 'Unrecognized Well-known Attribute',
      3: 'Missing Well-known Attribute',
      4: 'Attribute Flags Error',
      5: 'Attribute Length Error',
      6: 'Invalid ORIGIN Attribute',
      7: 'AS Routing Loop',
      8: 'Invalid NEXT_HOP Attribute',
      9: 'Optional Attribute Error',
      10: 'Invalid Network Field',
      11: 'Malformed AS_PATH',
    },
  },
  4: {name: 'Hold Timer Expired', subcodes: {}},
  5: {
    name: 'Finite State Machine Error', // RFC 6608
    subcodes: {
      1: 'Receive Unexpected Message in OpenSent State',
      2: 'Receive Unexpected Message in OpenConfirm State',
      3: 'Receive Unexpected Message in Established State',
    },
  },
  6: {
    name: 'Cease', // RFC 4486, RFC 8538 (9), RFC 9384 (10)
    subcodes: {
      1: 'Maximum Number of Prefixes Reached',
      2: 'Administrative Shutdown',
      3: 'Peer De-configured',
      4: 'Administrative Reset',
      5: 'Connection Rejected',
      6: 'Other Configuration Change',
      7: 'Connection Collision Resolution',
      8: 'Out of Resources',
      9: 'Hard Reset',
      10: 'BFD Down',
    },
  },
  7: {name: 'ROUTE-REFRESH Message Error', subcodes: {1: 'Invalid Message Length'}}, // RFC 7313
  8: {name: 'Send Hold Timer Expired', subcodes: {}}, // RFC 9687
};

/** For example `peer sent NOTIFICATION: OPEN Message Error / Bad Peer AS (2/2)`. One line, whatever the peer wrote. */
export const describeNotification = (sender: 'peer' | 'we', notification: Notification): string =>
  `${sender} sent NOTIFICATION: ${describe(notification)}`;

/** The same for an error we found, with what was wrong. */
export const describeError = (error: BgpError): string => `${describeNotification('we', error)}: ${error.message}`;

function describe(notification: Notification): string {
  const {code, subcode} = notification;
  const error = errorNames[code];
  const subcodeName = error?.subcodes[subcode];
  const name = [error?.name ?? 'unknown error', ...(subcodeName === undefined ? [] : [subcodeName])].join(' / ');
  return `${name} (${code}/${subcode})${describeData(notification)}`;
}

function describeData(notification: Notification): string {
  const communication = shutdownCommunication(notification);
  if (communication !== undefined) return `: "${sanitise(communication)}"`;
  const inside = insideHardReset(notification);
  if (inside !== undefined) return ` for ${describe({...inside, data: nestedData(inside)})}`;
  return describePrefixLimit(notification);
}

/** A Hard Reset may hold another one and so on; one level is all that makes sense, and bounds the work. */
const nestedData = (inside: Notification): Uint8Array =>
  inside.code === errorCode.cease && inside.subcode === ceaseSubcode.hardReset ? new Uint8Array() : inside.data;

/** RFC 4486 §4: address family and limit may follow. Devices take a single prefix from us, so this is worth words. */
function describePrefixLimit({code, subcode, data}: Notification): string {
  const tripped = code === errorCode.cease && subcode === ceaseSubcode.maximumNumberOfPrefixesReached;
  return tripped && data.length === 7 ? `: the limit is ${u32At(data, 3)}` : '';
}

/** RFC 9003 §5: a stranger's text must not forge lines or turn the reader's terminal around. */
const sanitise = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
