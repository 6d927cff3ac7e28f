import {BgpError} from './codec/bgp-error.js';
import {isIpv4Unicast} from './codec/capability.js';
import {encodeKeepalive, messageType} from './codec/message-header.js';
import {type Frame, MessageReader} from './codec/message-reader.js';
import {decodeNotification, encodeNotification, hardReset, type Notification} from './codec/notification.js';
import {decodeOpen, encodeOpen} from './codec/open.js';
import {decodeRouteRefresh, type RouteRefresh} from './codec/route-refresh.js';
import {type DecodedUpdate, decodeUpdate} from './codec/update-decode.js';
import {Connection, type ConnectionOptions} from './connection.js';
import {type Effect, type Event, notificationEvent, step} from './fsm.js';
import type {State} from './fsm-table.js';
import {isFinal} from './graceful-restart.js';
import {describeError, describeNotification} from './notification-text.js';
import {connectRetryDelay, countFailure} from './retry.js';
import {negotiate, type OpenConfig, openHoldTime, openMessage, type SessionParameters} from './session-parameters.js';
import type {SessionStatus} from './session-status.js';

export interface SessionOptions {
  readonly connection: ConnectionOptions;
  /** What the next OPEN is to say; the same again until a session stands. */
  readonly open: () => OpenConfig;
  readonly status: SessionStatus;
  readonly routes: SessionRoutes;
}

/** What takes part in an established session. */
export interface SessionRoutes {
  /** The session stands. */
  gained(): void;
  /** Messages to send now that the session stands, and whenever the peer asks for the routes again. */
  advertise(parameters: SessionParameters): Iterable<Uint8Array>;
  /** Throws a `BgpError` for what must end the session. */
  learn(update: DecodedUpdate): void;
  /** The session is over. */
  lost(): void;
}

type TimerName = 'connectRetry' | 'idleHold' | 'hold' | 'keepalive';

const expiry: Readonly<Record<TimerName, Event>> = {
  connectRetry: {type: 'ConnectRetryTimer_Expires'},
  idleHold: {type: 'IdleHoldTimer_Expires'},
  hold: {type: 'HoldTimer_Expires'},
  keepalive: {type: 'KeepaliveTimer_Expires'},
};

type Performers = {readonly [Type in Effect['type']]: (effect: Extract<Effect, {type: Type}>) => void};

/** Runs the state machine of one peer over real connections and timers. */
export class Session {
  readonly #options: SessionOptions;
  readonly #timers = new Map<TimerName, NodeJS.Timeout>();
  #state: State = 'Idle';
  #connection: Connection | undefined;
  #closing: Promise<void> | undefined;
  #reader = new MessageReader();
  #parameters: SessionParameters | undefined;
  #update: DecodedUpdate | undefined;
  /** The peer has asked for our routes, and not got them yet. */
  #routesRequested = false;
  /** Why the connection is about to be dropped. */
  #reason = '';
  #failures = 0;
  #establishedAt = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dispatch({type: 'ManualStart'});
  }

  /** Ends the session, telling the peer why, and resolves when the connection is closed. */
  async stop(notification: Notification): Promise<void> {
    this.#dispatch({type: 'ManualStop', notification});
    await this.#closing;
  }

  /** Closes the connection without a word, as a crash would, and resolves when that is done. */
  async abandon(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#drop();
    this.#state = 'Idle';
    await this.#closing;
  }

  #dispatch(event: Event): void {
    const {state, effects} = step(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  readonly #performers: Performers = {
    connect: () => this.#connect(),
    dropConnection: () => this.#drop(),
    sendOpen: () => this.#send(encodeOpen(openMessage(this.#options.open()))),
    sendKeepalive: () => this.#send(encodeKeepalive()),
    sendNotification: ({notification}) => this.#notify(notification),
    startConnectRetryTimer: () => this.#startTimer('connectRetry', connectRetryDelay(this.#failures, Math.random())),
    startIdleHoldTimer: () => this.#startTimer('idleHold', connectRetryDelay(this.#failures, Math.random())),
    startOpenHoldTimer: () => this.#startTimer('hold', openHoldTime * 1000),
    startHoldTimer: () => this.#startTimer('hold', (this.#parameters?.holdTime ?? 0) * 1000),
    startKeepaliveTimer: () => this.#startTimer('keepalive', (this.#parameters?.keepaliveTime ?? 0) * 1000),
    stopConnectRetryTimer: () => this.#stopTimer('connectRetry'),
    stopIdleHoldTimer: () => this.#stopTimer('idleHold'),
    stopHoldTimer: () => this.#stopTimer('hold'),
    stopKeepaliveTimer: () => this.#stopTimer('keepalive'),
    countFailure: () => this.#countFailure(),
    forgetFailures: () => {
      this.#failures = 0;
    },
    useParameters: ({parameters}) => this.#agree(parameters),
    sessionUp: () => {
      this.#establishedAt = performance.now();
      this.#options.status.established(this.#parameters?.holdTime ?? 0);
      this.#options.routes.gained();
      this.#advertise();
    },
    sessionDown: () => this.#options.routes.lost(),
    processUpdate: () => {
      if (this.#update) this.#options.routes.learn(this.#update);
    },
    sendRoutes: () => {
      this.#routesRequested = true;
    },
  };

  #perform<Type extends Effect['type']>(effect: Extract<Effect, {type: Type}>): void {
    const perform: (effect: Extract<Effect, {type: Type}>) => void = this.#performers[effect.type as Type];
    perform(effect);
  }

  #agree(parameters: SessionParameters): void {
    this.#parameters = parameters;
    this.#reader.maximumLength = parameters.maximumMessageLength;
    this.#options.status.opened();
  }

  #countFailure(): void {
    const stoodFor = this.#establishedAt === 0 ? 0 : performance.now() - this.#establishedAt;
    this.#failures = countFailure(this.#failures, stoodFor);
    this.#establishedAt = 0;
  }

  #connect(): void {
    this.#routesRequested = false;
    this.#reader = new MessageReader();
    this.#parameters = undefined;
    const connection = new Connection(this.#options.connection, {
      connected: () => {
        this.#options.status.connected();
        this.#dispatch({type: 'Tcp_CR_Acked'});
      },
      received: chunk => this.#receive(connection, chunk),
      failed: reason => {
        this.#reason ||= reason;
        this.#dispatch({type: 'TcpConnectionFails'});
      },
    });
    this.#connection = connection;
  }

  #drop(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    this.#closing = connection.close();
    this.#options.status.closed(this.#reason);
    this.#reason = '';
  }

  #send(message: Uint8Array): void {
    this.#connection?.send(message);
  }

  #notify(notification: BgpError | Notification): void {
    // A Cease of ours is no error: it was asked for.
    if (notification instanceof BgpError) this.#reason = describeError(notification);
    const isHard = this.#parameters?.gracefulNotifications === true && isFinal(notification);
    this.#send(encodeNotification(isHard ? hardReset(notification) : notification));
  }

  #advertise(): void {
    if (!this.#parameters) return;
    for (const message of this.#options.routes.advertise(this.#parameters)) this.#send(message);
  }

  /** Once for all requests that came together: an answer costs us more than a request costs the peer. */
  #answerRequests(): void {
    if (this.#routesRequested) this.#advertise();
    this.#routesRequested = false;
  }

  #receive(connection: Connection, chunk: Uint8Array): void {
    const frames = this.#reader.read(chunk);
    try {
      for (const frame of frames) {
        this.#handle(frame, frames);
        if (connection !== this.#connection) return;
      }
      this.#answerRequests();
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.#dispatch({type: 'BGPHeaderErr', error});
    }
  }

  #handle({type, body}: Frame, following: Iterator<Frame, void, void>): void {
    if (type === messageType.open) this.#handleOpen(body, following);
    else if (type === messageType.update) this.#handleUpdate(body);
    else if (type === messageType.notification) this.#handleNotification(decodeNotification(body));
    else if (type === messageType.keepalive) this.#dispatch({type: 'KeepAliveMsg'});
    else this.#handleRouteRefresh(decodeRouteRefresh(body));
  }

  /**
   * RFC 2918 §4: asked for a family we did not offer, we do nothing. Likewise for the subtypes of RFC 7313 §4, which we
   * do not offer either. Out of place is a message of any family.
   */
  #handleRouteRefresh(request: RouteRefresh): void {
    if (this.#state === 'Established' && !(isIpv4Unicast(request) && request.subtype === 0)) return;
    this.#dispatch({type: 'RouteRefreshMsg'});
  }

  #handleOpen(body: Uint8Array, following: Iterator<Frame, void, void>): void {
    const event = this.#readOpen(body);
    // A peer that will not have us says so right behind its OPEN. Its word counts, not what we think of the OPEN.
    const next = event.type === 'BGPOpenMsgErr' ? following.next().value : undefined;
    if (next?.type === messageType.notification) this.#handleNotification(decodeNotification(next.body));
    else this.#dispatch(event);
  }

  #readOpen(body: Uint8Array): Event {
    try {
      return {type: 'BGPOpen', parameters: negotiate(this.#options.open(), decodeOpen(body))};
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      return {type: 'BGPOpenMsgErr', error};
    }
  }

  #handleUpdate(body: Uint8Array): void {
    try {
      // Without parameters it is out of place anyway, and the state machine says so.
      this.#update = this.#parameters && decodeUpdate(body, this.#parameters);
      this.#dispatch({type: 'UpdateMsg'});
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.#dispatch({type: 'UpdateMsgErr', error});
    } finally {
      this.#update = undefined;
    }
  }

  #handleNotification(notification: Notification): void {
    this.#reason = describeNotification('peer', notification);
    this.#dispatch(notificationEvent(notification));
  }

  /** 0 stands for never. */
  #startTimer(name: TimerName, milliseconds: number): void {
    this.#stopTimer(name);
    if (milliseconds === 0) return;
    const timer = setTimeout(() => {
      // Timers run before sockets are read: after a long pause of the process the peer's KEEPALIVE may be lying there.
      if (name === 'hold') setImmediate(() => this.#expire(name, timer));
      else this.#expire(name, timer);
    }, milliseconds);
    this.#timers.set(name, timer);
  }

  #stopTimer(name: TimerName): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #expire(name: TimerName, timer: NodeJS.Timeout): void {
    if (this.#timers.get(name) !== timer) return; // stopped or started again since it went off
    this.#timers.delete(name);
    if (name === 'connectRetry' && this.#state === 'Connect') this.#reason = 'the peer does not answer';
    this.#dispatch(expiry[name]);
  }
}
