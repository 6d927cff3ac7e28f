import {formatIpv4} from '../ip/ipv4.js';
import type {NeighborStatus, MulticastStatus as Status} from '../multicast/multicast-speaker.js';
import {
  type MulticastStatus,
  type PimNeighbor,
  PimNeighborState,
} from './generated/doublezero/tunnel/v1/multicast_status.js';

const neighborStates: Record<NeighborStatus['state'], PimNeighborState> = {
  up: PimNeighborState.PIM_NEIGHBOR_STATE_UP,
  expired: PimNeighborState.PIM_NEIGHBOR_STATE_EXPIRED,
};

const fromNeighbor = (neighbor: NeighborStatus): PimNeighbor => ({
  address: formatIpv4(neighbor.address),
  state: neighborStates[neighbor.state],
  since: neighbor.since,
  lastHeard: neighbor.lastHeard,
  expireTime: neighbor.expires,
  generationId: neighbor.generationId,
});

export function fromMulticast({counters, ...status}: Status): MulticastStatus {
  return {
    pimNeighbor: status.neighbor && fromNeighbor(status.neighbor),
    generationId: status.generationId,
    lastJoinTime: status.lastJoin,
    hellosSent: BigInt(counters.hellosSent),
    hellosReceived: BigInt(counters.hellosReceived),
    joinsSent: BigInt(counters.joinsSent),
    prunesSent: BigInt(counters.prunesSent),
    registersSent: BigInt(counters.registersSent),
    registerStopsReceived: BigInt(counters.registerStopsReceived),
    heartbeatsSent: BigInt(counters.heartbeatsSent),
    sendErrors: BigInt(counters.sendErrors),
    ignoredReceived: BigInt(counters.ignored),
    malformedReceived: BigInt(counters.malformed),
    lastSendError: status.lastSendError,
    lastSendErrorTime: status.lastSendErrorTime,
  };
}
