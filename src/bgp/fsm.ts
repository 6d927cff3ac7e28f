import {BgpError, errorCode, openSubcode} from './codec/bgp-error.js';
import {type MessageType, messageType} from './codec/message-header.js';
import type {Notification} from './codec/notification.js';
import {type EventName, type NotificationEffect, type SimpleEffect, type State, table} from './fsm-table.js';
import type {SessionParameters} from './session-parameters.js';

/** What happened to a session (RFC 4271 §8.1), with what its effects need. */
export type Event =
  /** `notification` tells the peer why, a Cease (`cease`). */
  | {readonly type: 'ManualStop'; readonly notification: Notification}
  | {readonly type: 'BGPOpen'; readonly parameters: SessionParameters}
  | {readonly type: 'BGPHeaderErr' | 'BGPOpenMsgErr' | 'UpdateMsgErr'; readonly error: BgpError}
  | {readonly type: Exclude<EventName, 'ManualStop' | 'BGPOpen' | 'BGPHeaderErr' | 'BGPOpenMsgErr' | 'UpdateMsgErr'>};

/** What the session is to do about it. */
export type Effect =
  | {readonly type: Exclude<SimpleEffect, 'useParameters'>}
  | {readonly type: 'useParameters'; readonly parameters: SessionParameters}
  | {readonly type: 'sendNotification'; readonly notification: BgpError | Notification};

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Where an event leads and what is to be done on the way, in order. Decides all, does nothing. */
export function step(state: State, event: Event): Step {
  const move = table[state][event.type];
  if (move === undefined) return {state, effects: []};
  return {state: move.to, effects: move.effects.map(effect => resolve(effect, state, event))};
}

/** A NOTIFICATION as the event it is: one about our version has one of its own (RFC 4271 §8.1.5, event 24). */
export const notificationEvent = ({code, subcode}: Notification): Event =>
  code === errorCode.openMessage && subcode === openSubcode.unsupportedVersionNumber
    ? {type: 'NotifMsgVerErr'}
    : {type: 'NotifMsg'};

function resolve(effect: SimpleEffect | NotificationEffect, state: State, event: Event): Effect {
  switch (effect) {
    case 'sendNotification':
      return {type: effect, notification: brought(event)};
    case 'sendHoldTimerExpired': {
      const notification = new BgpError(errorCode.holdTimerExpired, 0, 'nothing heard from the peer for the hold time');
      return {type: 'sendNotification', notification};
    }
    case 'sendFsmError':
      return {type: 'sendNotification', notification: fsmError(state, event)};
    case 'useParameters':
      if (event.type !== 'BGPOpen') throw new TypeError(`${event.type} brings no parameters`);
      return {type: effect, parameters: event.parameters};
    default:
      return {type: effect};
  }
}

function brought(event: Event): BgpError | Notification {
  if ('error' in event) return event.error;
  if ('notification' in event) return event.notification;
  throw new TypeError(`${event.type} brings nothing to tell the peer`);
}

const unexpectedSubcode: Partial<Record<State, number>> = {OpenSent: 1, OpenConfirm: 2, Established: 3};

const messageOf: Partial<Record<EventName, MessageType>> = {
  BGPOpen: messageType.open,
  BGPOpenMsgErr: messageType.open,
  KeepAliveMsg: messageType.keepalive,
  UpdateMsg: messageType.update,
  UpdateMsgErr: messageType.update,
  RouteRefreshMsg: messageType.routeRefresh,
};

/** RFC 6608 §3: the subcode names the state, the data the message. What is no message has neither (RFC 4271 §6.6). */
function fsmError(state: State, event: Event): BgpError {
  const type = messageOf[event.type];
  const why = `${event.type} in ${state}`;
  if (type === undefined) return new BgpError(errorCode.finiteStateMachine, 0, why);
  return new BgpError(errorCode.finiteStateMachine, unexpectedSubcode[state] ?? 0, why, Uint8Array.of(type));
}
