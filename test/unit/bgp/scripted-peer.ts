import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {encodeKeepalive, messageType} from '../../../src/bgp/codec/message-header.js';
import {type Frame, MessageReader} from '../../../src/bgp/codec/message-reader.js';
import {decodeNotification, type Notification} from '../../../src/bgp/codec/notification.js';
import {encodeOpen, type Open} from '../../../src/bgp/codec/open.js';
import {openMessage} from '../../../src/bgp/session-parameters.js';
import {formatIpv4, type Ipv4} from '../../../src/ip/ipv4.js';

/** A device whose every octet the test decides. It waits to be called, as devices do. */
export class ScriptedPeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #calls: Call[] = [];
  readonly #waiting: ((call: Call) => void)[] = [];

  private constructor(
    server: Server,
    /** The OPEN it sends unless told otherwise. */
    readonly open: Open,
  ) {
    this.#server = server;
    server.on('connection', socket => {
      const call = new Call(socket, open);
      this.#calls.push(call);
      this.#waiting.shift()?.(call);
    });
  }

  /** Port 0 is any free one. */
  static async listen(address: Ipv4, port: number, open: {localAs: number; holdTime: number}): Promise<ScriptedPeer> {
    const server = createServer({noDelay: true, allowHalfOpen: true});
    server.listen(port, formatIpv4(address));
    await once(server, 'listening');
    return new ScriptedPeer(server, openMessage({...open, peerAs: 0, bgpIdentifier: address}));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return address.port;
  }

  /** How often it was called. */
  get calls(): number {
    return this.#calls.length;
  }

  get openConnections(): number {
    return this.#calls.filter(({socket}) => !socket.closed).length;
  }

  /** The next call after those there were. */
  call(): Promise<Call> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  /** Takes every call from now on the same way. */
  async answer(take: (call: Call) => unknown): Promise<never> {
    for (;;) take(await this.call());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const call of this.#calls) call.socket.destroy();
  }
}

/** One connection of the speaker's, from the peer's side. */
export class Call {
  readonly #reader = new MessageReader();
  readonly #frames: Frame[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  /** Whether the connection stays half open when the speaker has closed its side. */
  lingers = false;

  constructor(
    readonly socket: Socket,
    readonly open: Open,
  ) {
    this.#reader.maximumLength = 65_535;
    socket.on('data', chunk => {
      this.#frames.push(...this.#reader.read(chunk));
      this.#wake?.();
    });
    socket.on('end', () => {
      if (!this.lingers) socket.end();
    });
    socket.on('error', () => undefined); // whoever waits is told by 'close'
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** The next message, or `undefined` when the connection has ended. */
  async message(): Promise<Frame | undefined> {
    while (this.#frames.length === 0 && !this.#ended) await new Promise<void>(resolve => (this.#wake = resolve));
    return this.#frames.shift();
  }

  /** The next message of the type, others left out. Fails when the connection ends without one. */
  async next(type: keyof typeof messageType): Promise<Uint8Array> {
    for (let frame = await this.message(); frame !== undefined; frame = await this.message())
      if (frame.type === messageType[type]) return frame.body;
    throw new Error(`the speaker ended the connection without another ${type}`);
  }

  async notification(): Promise<Pick<Notification, 'code' | 'subcode'>> {
    const {code, subcode} = decodeNotification(await this.next('notification'));
    return {code, subcode};
  }

  /** Waits until nothing more can come. */
  async ended(): Promise<void> {
    while ((await this.message()) !== undefined);
  }

  /** In one write, so that they arrive as one segment. */
  send(...octets: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(octets));
  }

  sendOpen(open: Partial<Open> = {}): void {
    this.send(encodeOpen({...this.open, ...open}));
  }

  /** Goes through the handshake; KEEPALIVEs follow by themselves where `alive` says so. */
  async establish(alive = true): Promise<this> {
    await this.next('open');
    this.send(encodeOpen(this.open), encodeKeepalive());
    await this.next('keepalive');
    if (alive) this.stayAlive();
    return this;
  }

  stayAlive(): void {
    const timer = setInterval(() => this.send(encodeKeepalive()), 500);
    this.socket.on('close', () => clearInterval(timer));
  }

  /** Closes with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Resolves when what was written has gone out, or never can. */
export async function drained({socket}: Call): Promise<void> {
  while (socket.writableLength > 0 && !socket.destroyed) await delay(1);
}

/** Sends as fast as it is read, for longer than a hold time of 3 s. */
export async function flood(call: Call, messages: Uint8Array): Promise<void> {
  const end = performance.now() + 4000;
  while (performance.now() < end && !call.socket.destroyed) if (!call.socket.write(messages)) await drained(call);
}
