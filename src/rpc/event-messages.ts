import type {TunnelEvent} from '../tunnels/events.js';
import {type TunnelEvent as Message, TunnelEventType} from './generated/doublezero/tunnel/v1/tunnel_event.js';
import {fromTunnel} from './translation.js';

const types: Record<TunnelEvent['type'], TunnelEventType> = {
  snapshot: TunnelEventType.TUNNEL_EVENT_TYPE_SNAPSHOT,
  snapshotEnd: TunnelEventType.TUNNEL_EVENT_TYPE_SNAPSHOT_END,
  created: TunnelEventType.TUNNEL_EVENT_TYPE_CREATED,
  updated: TunnelEventType.TUNNEL_EVENT_TYPE_UPDATED,
  sessionChanged: TunnelEventType.TUNNEL_EVENT_TYPE_SESSION_CHANGED,
  teardownStarted: TunnelEventType.TUNNEL_EVENT_TYPE_TEARDOWN_STARTED,
  linkDown: TunnelEventType.TUNNEL_EVENT_TYPE_LINK_DOWN,
  removed: TunnelEventType.TUNNEL_EVENT_TYPE_REMOVED,
  driftDetected: TunnelEventType.TUNNEL_EVENT_TYPE_DRIFT_DETECTED,
  driftRepaired: TunnelEventType.TUNNEL_EVENT_TYPE_DRIFT_REPAIRED,
};

/** Events as messages, one message an event however many watch: a thousand watchers cost one translation. */
export class EventMessages {
  readonly #known = new WeakMap<TunnelEvent, Message>();

  of(event: TunnelEvent): Message {
    const found = this.#known.get(event);
    if (found) return found;
    const {type, tunnel, session, multicast, time, resumeToken, reason} = event;
    const message = {
      type: types[type],
      tunnel: tunnel && fromTunnel({tunnel, session, multicast}),
      time,
      resumeToken,
      reason,
    };
    this.#known.set(event, message);
    return message;
  }
}
