/** RFC 4271 §8.2.2. */
export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

/** RFC 4271 §8.1; RouteRefreshMsg for the message of RFC 2918. */
export type EventName =
  | 'ManualStart'
  | 'ManualStop'
  | 'ConnectRetryTimer_Expires'
  | 'HoldTimer_Expires'
  | 'KeepaliveTimer_Expires'
  | 'IdleHoldTimer_Expires'
  | 'Tcp_CR_Acked'
  | 'TcpConnectionFails'
  | 'BGPOpen'
  | 'BGPHeaderErr'
  | 'BGPOpenMsgErr'
  | 'NotifMsgVerErr'
  | 'NotifMsg'
  | 'KeepAliveMsg'
  | 'UpdateMsg'
  | 'UpdateMsgErr'
  | 'RouteRefreshMsg';

/**
 * What a session is to do, in order.
 * - `connect`: open a TCP connection to the peer
 * - `dropConnection`: close it, or give up opening it, after what was sent has gone out
 * - `sendOpen`, `sendKeepalive`
 * - `startConnectRetryTimer`: (re)start it with `connectRetryDelay`; it bounds an attempt, or waits for the next
 * - `startIdleHoldTimer`: start it with `connectRetryDelay`
 * - `startOpenHoldTimer`: start the hold timer with `openHoldTime`
 * - `startHoldTimer`, `startKeepaliveTimer`: (re)start with the negotiated time; where that is 0 it stops
 * - `countFailure`, `forgetFailures`: move the ConnectRetryCounter on with `countFailure`, or set it to 0
 * - `useParameters`: the OPEN has settled the session's parameters
 * - `sessionUp`, `sessionDown`: Established was reached or left
 * - `processUpdate`, `sendRoutes`: the message that came is to be acted upon
 */
export type SimpleEffect =
  | 'connect'
  | 'dropConnection'
  | 'sendOpen'
  | 'sendKeepalive'
  | 'startConnectRetryTimer'
  | 'stopConnectRetryTimer'
  | 'startIdleHoldTimer'
  | 'stopIdleHoldTimer'
  | 'startOpenHoldTimer'
  | 'startHoldTimer'
  | 'stopHoldTimer'
  | 'startKeepaliveTimer'
  | 'stopKeepaliveTimer'
  | 'countFailure'
  | 'forgetFailures'
  | 'useParameters'
  | 'sessionUp'
  | 'sessionDown'
  | 'processUpdate'
  | 'sendRoutes';

/** A NOTIFICATION to send: the one the event brings, Hold Timer Expired, or a Finite State Machine Error. */
export type NotificationEffect = 'sendNotification' | 'sendHoldTimerExpired' | 'sendFsmError';

export interface Move {
  readonly to: State;
  readonly effects: readonly (SimpleEffect | NotificationEffect)[];
}

const stopTimers = ['stopConnectRetryTimer', 'stopHoldTimer', 'stopKeepaliveTimer'] as const;

/** Out of any state that has a connection, or is after one; told to the peer first where `tell` says what. */
const end = (...tell: readonly NotificationEffect[]): Move => ({
  to: 'Idle',
  effects: [...tell, ...stopTimers, 'dropConnection', 'countFailure', 'startIdleHoldTimer'],
});
/** The same on request: nothing failed, and nothing happens until the next ManualStart. */
const stop = (...tell: readonly NotificationEffect[]): Move => ({
  to: 'Idle',
  effects: [...tell, ...stopTimers, 'dropConnection', 'forgetFailures'],
});
const fromEstablished = ({to, effects}: Move): Move => ({to, effects: ['sessionDown', ...effects]});
const stay = (to: State, ...effects: Move['effects']): Move => ({to, effects});

const callPeer: Move = {to: 'Connect', effects: ['startConnectRetryTimer', 'connect']};
const openSession: Move = {to: 'OpenSent', effects: ['stopConnectRetryTimer', 'sendOpen', 'startOpenHoldTimer']};

const lost = end();
const refused = end('sendNotification');
const silent = end('sendHoldTimerExpired');
const unexpected = end('sendFsmError');
const closed = stop('sendNotification');

/**
 * RFC 4271 §8.2.2 for a speaker that only ever calls: it takes no connection, so there is none to tell apart from its
 * own (collision detection, §6.8), and PassiveTcpEstablishment, DelayOpen and their events are left out. Of the
 * optional attributes it has AllowAutomaticStart with DampPeerOscillations: every failure leads to Idle, where the
 * IdleHoldTimer waits longer each time before the next attempt.
 *
 * An event without a cell is ignored. Where this departs from the RFC, the cell says why.
 */
export const table: Readonly<Record<State, Readonly<Partial<Record<EventName, Move>>>>> = {
  Idle: {
    ManualStart: {to: 'Connect', effects: ['stopIdleHoldTimer', 'forgetFailures', ...callPeer.effects]},
    ManualStop: stay('Idle', 'stopIdleHoldTimer', 'forgetFailures'),
    IdleHoldTimer_Expires: callPeer,
  },
  Connect: {
    ManualStop: stop(),
    // Counted here as well, or a peer that answers nothing at all would be called every second for ever.
    ConnectRetryTimer_Expires: {to: 'Connect', effects: ['dropConnection', 'countFailure', ...callPeer.effects]},
    Tcp_CR_Acked: openSession,
    TcpConnectionFails: lost,
    HoldTimer_Expires: lost,
    KeepaliveTimer_Expires: lost,
    IdleHoldTimer_Expires: lost,
    BGPOpen: lost,
    BGPHeaderErr: lost,
    BGPOpenMsgErr: lost,
    NotifMsgVerErr: lost,
    NotifMsg: lost,
    KeepAliveMsg: lost,
    UpdateMsg: lost,
    UpdateMsgErr: lost,
    RouteRefreshMsg: lost,
  },
  // Without a connection, until the ConnectRetryTimer has run down.
  Active: {
    ManualStop: stop(),
    ConnectRetryTimer_Expires: callPeer,
    Tcp_CR_Acked: openSession,
    TcpConnectionFails: lost,
    HoldTimer_Expires: lost,
    KeepaliveTimer_Expires: lost,
    IdleHoldTimer_Expires: lost,
    BGPOpen: lost,
    BGPHeaderErr: lost,
    BGPOpenMsgErr: lost,
    NotifMsgVerErr: lost,
    NotifMsg: lost,
    KeepAliveMsg: lost,
    UpdateMsg: lost,
    UpdateMsgErr: lost,
    RouteRefreshMsg: lost,
  },
  OpenSent: {
    ManualStop: closed,
    HoldTimer_Expires: silent,
    // Counted, which the RFC does not: a device that accepts and hangs up at once is no better than one that refuses.
    TcpConnectionFails: {
      to: 'Active',
      effects: ['stopHoldTimer', 'dropConnection', 'countFailure', 'startConnectRetryTimer'],
    },
    BGPOpen: {
      to: 'OpenConfirm',
      effects: ['useParameters', 'sendKeepalive', 'startKeepaliveTimer', 'startHoldTimer'],
    },
    BGPHeaderErr: refused,
    BGPOpenMsgErr: refused,
    NotifMsgVerErr: lost,
    // The RFC would answer this with an FSM Error; a NOTIFICATION is never answered with one (§6.4).
    NotifMsg: lost,
    ConnectRetryTimer_Expires: unexpected,
    KeepaliveTimer_Expires: unexpected,
    IdleHoldTimer_Expires: unexpected,
    KeepAliveMsg: unexpected,
    UpdateMsg: unexpected,
    UpdateMsgErr: unexpected,
    RouteRefreshMsg: unexpected,
  },
  OpenConfirm: {
    ManualStop: closed,
    HoldTimer_Expires: silent,
    KeepaliveTimer_Expires: stay('OpenConfirm', 'sendKeepalive', 'startKeepaliveTimer'),
    TcpConnectionFails: lost,
    // A second OPEN on the one connection: there is no collision to detect.
    BGPOpen: unexpected,
    BGPHeaderErr: refused,
    BGPOpenMsgErr: refused,
    NotifMsgVerErr: lost,
    NotifMsg: lost,
    KeepAliveMsg: {to: 'Established', effects: ['startHoldTimer', 'sessionUp']},
    ConnectRetryTimer_Expires: unexpected,
    IdleHoldTimer_Expires: unexpected,
    UpdateMsg: unexpected,
    UpdateMsgErr: unexpected,
    RouteRefreshMsg: unexpected,
  },
  Established: {
    ManualStop: fromEstablished(closed),
    HoldTimer_Expires: fromEstablished(silent),
    KeepaliveTimer_Expires: stay('Established', 'sendKeepalive', 'startKeepaliveTimer'),
    TcpConnectionFails: fromEstablished(lost),
    BGPOpen: fromEstablished(unexpected),
    // Here the RFC's "any other event" would say FSM Error, but §6.1 wants all header errors told as what they are.
    BGPHeaderErr: fromEstablished(refused),
    BGPOpenMsgErr: fromEstablished(unexpected),
    NotifMsgVerErr: fromEstablished(lost),
    NotifMsg: fromEstablished(lost),
    KeepAliveMsg: stay('Established', 'startHoldTimer'),
    UpdateMsg: stay('Established', 'startHoldTimer', 'processUpdate'),
    UpdateMsgErr: fromEstablished(refused),
    // RFC 2918 says nothing of the hold timer; whoever asks for routes is alive.
    RouteRefreshMsg: stay('Established', 'startHoldTimer', 'sendRoutes'),
    ConnectRetryTimer_Expires: fromEstablished(unexpected),
    IdleHoldTimer_Expires: fromEstablished(unexpected),
  },
};
