import test from 'ava';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {cease} from '../../../src/bgp/codec/notification.js';
import {type Effect, type Event, notificationEvent, step} from '../../../src/bgp/fsm.js';
import type {EventName, State} from '../../../src/bgp/fsm-table.js';
import type {SessionParameters} from '../../../src/bgp/session-parameters.js';
import {ipv4} from '../../../src/ip/ipv4.js';

const parameters: SessionParameters = {
  peerAs: 65001,
  peerIdentifier: ipv4(0xc0000202),
  external: true,
  holdTime: 3,
  keepaliveTime: 1,
  asWidth: 4,
  maximumMessageLength: 4096,
  routeRefresh: true,
  gracefulNotifications: false,
  peerCapabilities: [],
};

const events: Record<EventName, Event> = {
  ManualStart: {type: 'ManualStart'},
  ManualStop: {type: 'ManualStop', notification: cease(2)},
  ConnectRetryTimer_Expires: {type: 'ConnectRetryTimer_Expires'},
  HoldTimer_Expires: {type: 'HoldTimer_Expires'},
  KeepaliveTimer_Expires: {type: 'KeepaliveTimer_Expires'},
  IdleHoldTimer_Expires: {type: 'IdleHoldTimer_Expires'},
  Tcp_CR_Acked: {type: 'Tcp_CR_Acked'},
  TcpConnectionFails: {type: 'TcpConnectionFails'},
  BGPOpen: {type: 'BGPOpen', parameters},
  BGPHeaderErr: {type: 'BGPHeaderErr', error: new BgpError(1, 1, 'bad marker')},
  BGPOpenMsgErr: {type: 'BGPOpenMsgErr', error: new BgpError(2, 2, 'bad AS')},
  NotifMsgVerErr: {type: 'NotifMsgVerErr'},
  NotifMsg: {type: 'NotifMsg'},
  KeepAliveMsg: {type: 'KeepAliveMsg'},
  UpdateMsg: {type: 'UpdateMsg'},
  UpdateMsgErr: {type: 'UpdateMsgErr', error: new BgpError(3, 1, 'bad list')},
  RouteRefreshMsg: {type: 'RouteRefreshMsg'},
};

/** `sendNotification 5/1 [4]` is code, subcode and data; the others are told by their names. */
const textOf = (effect: Effect) =>
  effect.type === 'sendNotification'
    ? `sendNotification ${effect.notification.code}/${effect.notification.subcode} [${effect.notification.data}]`
    : effect.type;

const leave = 'stopConnectRetryTimer, stopHoldTimer, stopKeepaliveTimer, dropConnection';
const end = `Idle: ${leave}, countFailure, startIdleHoldTimer`;
const endAfter = (told: string) => `Idle: sendNotification ${told}, ${leave}, countFailure, startIdleHoldTimer`;
const stop = `Idle: ${leave}, forgetFailures`;
const stopAfter = (told: string) => `Idle: sendNotification ${told}, ${leave}, forgetFailures`;
const down = (move: string) => move.replace('Idle: ', 'Idle: sessionDown, ');
const ignored = 'ignored';

const withoutConnection = {
  ManualStart: ignored,
  ManualStop: stop,
  HoldTimer_Expires: end,
  KeepaliveTimer_Expires: end,
  IdleHoldTimer_Expires: end,
  Tcp_CR_Acked: 'OpenSent: stopConnectRetryTimer, sendOpen, startOpenHoldTimer',
  TcpConnectionFails: end,
  BGPOpen: end,
  BGPHeaderErr: end,
  BGPOpenMsgErr: end,
  NotifMsgVerErr: end,
  NotifMsg: end,
  KeepAliveMsg: end,
  UpdateMsg: end,
  UpdateMsgErr: end,
  RouteRefreshMsg: end,
};

/** Every cell, as RFC 4271 §8.2.2 has it for a speaker that only calls; the departures are told in the table itself. */
const expected: Record<State, Record<EventName, string>> = {
  Idle: {
    ManualStart: 'Connect: stopIdleHoldTimer, forgetFailures, startConnectRetryTimer, connect',
    ManualStop: 'Idle: stopIdleHoldTimer, forgetFailures',
    ConnectRetryTimer_Expires: ignored,
    HoldTimer_Expires: ignored,
    KeepaliveTimer_Expires: ignored,
    IdleHoldTimer_Expires: 'Connect: startConnectRetryTimer, connect',
    Tcp_CR_Acked: ignored,
    TcpConnectionFails: ignored,
    BGPOpen: ignored,
    BGPHeaderErr: ignored,
    BGPOpenMsgErr: ignored,
    NotifMsgVerErr: ignored,
    NotifMsg: ignored,
    KeepAliveMsg: ignored,
    UpdateMsg: ignored,
    UpdateMsgErr: ignored,
    RouteRefreshMsg: ignored,
  },
  Connect: {
    ...withoutConnection,
    ConnectRetryTimer_Expires: 'Connect: dropConnection, countFailure, startConnectRetryTimer, connect',
  },
  Active: {
    ...withoutConnection,
    ConnectRetryTimer_Expires: 'Connect: startConnectRetryTimer, connect',
  },
  OpenSent: {
    ManualStart: ignored,
    ManualStop: stopAfter('6/2 []'),
    ConnectRetryTimer_Expires: endAfter('5/0 []'),
    HoldTimer_Expires: endAfter('4/0 []'),
    KeepaliveTimer_Expires: endAfter('5/0 []'),
    IdleHoldTimer_Expires: endAfter('5/0 []'),
    Tcp_CR_Acked: ignored,
    TcpConnectionFails: 'Active: stopHoldTimer, dropConnection, countFailure, startConnectRetryTimer',
    BGPOpen: 'OpenConfirm: useParameters, sendKeepalive, startKeepaliveTimer, startHoldTimer',
    BGPHeaderErr: endAfter('1/1 []'),
    BGPOpenMsgErr: endAfter('2/2 []'),
    NotifMsgVerErr: end,
    NotifMsg: end,
    KeepAliveMsg: endAfter('5/1 [4]'),
    UpdateMsg: endAfter('5/1 [2]'),
    UpdateMsgErr: endAfter('5/1 [2]'),
    RouteRefreshMsg: endAfter('5/1 [5]'),
  },
  OpenConfirm: {
    ManualStart: ignored,
    ManualStop: stopAfter('6/2 []'),
    ConnectRetryTimer_Expires: endAfter('5/0 []'),
    HoldTimer_Expires: endAfter('4/0 []'),
    KeepaliveTimer_Expires: 'OpenConfirm: sendKeepalive, startKeepaliveTimer',
    IdleHoldTimer_Expires: endAfter('5/0 []'),
    Tcp_CR_Acked: ignored,
    TcpConnectionFails: end,
    BGPOpen: endAfter('5/2 [1]'),
    BGPHeaderErr: endAfter('1/1 []'),
    BGPOpenMsgErr: endAfter('2/2 []'),
    NotifMsgVerErr: end,
    NotifMsg: end,
    KeepAliveMsg: 'Established: startHoldTimer, sessionUp',
    UpdateMsg: endAfter('5/2 [2]'),
    UpdateMsgErr: endAfter('5/2 [2]'),
    RouteRefreshMsg: endAfter('5/2 [5]'),
  },
  Established: {
    ManualStart: ignored,
    ManualStop: down(stopAfter('6/2 []')),
    ConnectRetryTimer_Expires: down(endAfter('5/0 []')),
    HoldTimer_Expires: down(endAfter('4/0 []')),
    KeepaliveTimer_Expires: 'Established: sendKeepalive, startKeepaliveTimer',
    IdleHoldTimer_Expires: down(endAfter('5/0 []')),
    Tcp_CR_Acked: ignored,
    TcpConnectionFails: down(end),
    BGPOpen: down(endAfter('5/3 [1]')),
    BGPHeaderErr: down(endAfter('1/1 []')),
    BGPOpenMsgErr: down(endAfter('5/3 [1]')),
    NotifMsgVerErr: down(end),
    NotifMsg: down(end),
    KeepAliveMsg: 'Established: startHoldTimer',
    UpdateMsg: 'Established: startHoldTimer, processUpdate',
    UpdateMsgErr: down(endAfter('3/1 []')),
    RouteRefreshMsg: 'Established: startHoldTimer, sendRoutes',
  },
};

const cell = test.macro({
  title: (_given, state: State, event: EventName) => `${event} in ${state}: ${expected[state][event]}`,
  exec(t, state: State, event: EventName) {
    const {state: next, effects} = step(state, events[event]);
    const actual = next === state && effects.length === 0 ? ignored : `${next}: ${effects.map(textOf).join(', ')}`;
    t.is(actual, expected[state][event]);
  },
});
for (const [state, row] of Object.entries(expected) as [State, Record<EventName, string>][]) {
  for (const event of Object.keys(row) as EventName[]) test(cell, state, event);
}

test('the parameters of an OPEN go to the session that is to use them', t => {
  const {effects} = step('OpenSent', events.BGPOpen);
  t.deepEqual(effects[0], {type: 'useParameters', parameters});
});

test('a NOTIFICATION about the version is an event of its own', t => {
  const data = new Uint8Array();
  t.deepEqual(notificationEvent({code: 2, subcode: 1, data}), {type: 'NotifMsgVerErr'});
  t.deepEqual(notificationEvent({code: 2, subcode: 2, data}), {type: 'NotifMsg'});
  t.deepEqual(notificationEvent({code: 6, subcode: 1, data}), {type: 'NotifMsg'});
});

test('a session comes up from Idle and goes down on request, each state in its turn', t => {
  const order: EventName[] = ['ManualStart', 'Tcp_CR_Acked', 'BGPOpen', 'KeepAliveMsg', 'UpdateMsg', 'ManualStop'];
  const states: State[] = [];
  order.reduce<State>((state, event) => {
    states.push(step(state, events[event]).state);
    return states.at(-1) ?? state;
  }, 'Idle');
  t.deepEqual(states, ['Connect', 'OpenSent', 'OpenConfirm', 'Established', 'Established', 'Idle']);
});
