/** NOTIFICATION error codes (RFC 4271 §4.5; 7: RFC 7313, 8: RFC 9687). */
export const errorCode = {
  messageHeader: 1,
  openMessage: 2,
  updateMessage: 3,
  holdTimerExpired: 4,
  finiteStateMachine: 5,
  cease: 6,
} as const;

/** Message Header Error subcodes (RFC 4271 §6.1). */
export const headerSubcode = {connectionNotSynchronized: 1, badMessageLength: 2, badMessageType: 3} as const;

/** OPEN Message Error subcodes (RFC 4271 §6.2; 7: RFC 5492). */
export const openSubcode = {
  unspecific: 0,
  unsupportedVersionNumber: 1,
  badPeerAs: 2,
  badBgpIdentifier: 3,
  unsupportedOptionalParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
} as const;

/** UPDATE Message Error subcodes (RFC 4271 §6.3). */
export const updateSubcode = {
  malformedAttributeList: 1,
  unrecognizedWellKnownAttribute: 2,
  missingWellKnownAttribute: 3,
  attributeFlagsError: 4,
  attributeLengthError: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttributeError: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const;

/** Cease subcodes (RFC 4486; 9: RFC 8538) that this speaker sends or looks into. */
export const ceaseSubcode = {
  maximumNumberOfPrefixesReached: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  outOfResources: 8,
  hardReset: 9,
} as const;

/**
 * What ends a session by our judgement. `code`, `subcode` and `data` are those of the NOTIFICATION that tells the
 * peer; `message` says in words what was wrong, without naming the code.
 */
export class BgpError extends Error {
  override readonly name = 'BgpError';

  constructor(
    readonly code: number,
    readonly subcode: number,
    message: string,
    readonly data: Uint8Array = new Uint8Array(),
  ) {
    super(message);
  }
}
