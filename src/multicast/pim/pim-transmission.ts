import type {Ipv4} from '../../ip/ipv4.js';
import type {Link} from '../../netlink/netlinker.js';
import {jittered, pause} from '../clock.js';
import type {Ipv4Datagram} from '../ipv4-datagram.js';
import type {PimConfig} from '../multicast-speaker.js';
import type {PimSocket, SocketError} from '../sockets.js';
import {attempt, isTransient, retryPeriod, type Transmission, type TransmissionContext} from '../transmission.js';
import {decodeHello, encodeHello} from './hello.js';
import {encodeSharedTree} from './join-prune.js';
import {allPimRouters, decodeMessage, pimType} from './message.js';
import {Neighbor} from './neighbor.js';
import {PimError} from './pim-error.js';

/** Milliseconds between two Hellos, each with a Join for all groups (RFC 7761 §4.11: Hello_Period). */
const period = 30_000;
/** Seconds: the device forgets us, or a group, when it has missed three. */
const helloHoldtime = (3.5 * period) / 1000;
const joinHoldtime = (4 * period) / 1000;
/** Seconds. The device is alone with us, so it acts on a Prune at once whatever this says (RFC 7761 §4.5). */
const pruneHoldtime = 5;
/** The device's is 4294967295: it is the designated router, always. */
const drPriority = 1;
/** Hops: PIM is between neighbors. */
const ttl = 1;
/**
 * Nothing acknowledges a Prune, so each is said this often, so many milliseconds apart. On a path without loss a single
 * one is enough and nothing has to be waited for: what the kernel has taken reaches the device though the interface is
 * deleted the next moment (100 of 100, and 30 of 30 over a path that takes 100 ms, with FRR's pimd). Where 30 % get lost,
 * 11 of 40 single ones did not arrive, and of 40 said three times each did.
 */
const pruneCount = 3;
const goodbyeCount = 2;
const farewellSpacing = 40;

/** Keeps up the PIM adjacency with the device: says that we are here, what we subscribe to, and listens to it. */
export class PimTransmission implements Transmission<PimConfig> {
  readonly #context: TransmissionContext;
  readonly #mtu: number;
  readonly #generationId: number;
  readonly #neighbor: Neighbor;
  /** Groups given up, with how often a Prune for them is still to be said. */
  readonly #leaving = new Map<Ipv4, number>();
  #config: PimConfig;
  #socket: PimSocket | undefined;
  /** It has begun to say goodbye, so that nothing must be joined any more. */
  #isEnding = false;
  #cancelAnnouncement = () => {};
  #cancelPrune = () => {};

  private constructor(config: PimConfig, {mtu}: Link, context: TransmissionContext) {
    this.#config = config;
    this.#mtu = mtu;
    this.#context = context;
    const {clock, activity} = context;
    // Another one for each life of the link tells the device that what it knew of us is over (RFC 7761 §4.3.1).
    this.#generationId = Math.floor(clock.random() * 2 ** 32);
    this.#neighbor = new Neighbor(clock, (status, event) => {
      activity.neighborIs(status, event);
      // RFC 7761 §4.3.1: it has no state of ours, and listens to no Join before a Hello.
      if (event === 'up' || event === 'restarted') this.#announce();
    });
  }

  static async begin(config: PimConfig, link: Link, context: TransmissionContext): Promise<PimTransmission> {
    const transmission = new PimTransmission(config, link, context);
    transmission.#socket = await context.sockets.openPim({
      interface: context.tunnel,
      index: link.index,
      source: config.localAddress,
      hearsAllRouters: true,
      onDatagram: datagram => transmission.#receive(datagram),
    });
    context.activity.generationId = transmission.#generationId;
    transmission.#announce();
    return transmission;
  }

  change(config: PimConfig): void {
    const [before, after] = [new Set(this.#config.groups), new Set(config.groups)];
    this.#config = config;
    const removed = [...before].filter(group => !after.has(group));
    const added = [...after].filter(group => !before.has(group));
    for (const group of removed) this.#leaving.set(group, pruneCount);
    for (const group of added) this.#leaving.delete(group);
    if (removed.length > 0) this.#pruneLeaving();
    const error = this.#say('join', added);
    // What would fail again as well waits for the next round, which is not to be put off.
    if (error && isTransient(error)) this.#announceAgain(error);
  }

  async farewell(): Promise<void> {
    this.#silence();
    const groups = [...this.#config.groups, ...this.#leaving.keys()];
    const errors: SocketError[] = [];
    for (let count = 1; count <= pruneCount; count++) {
      if (count > 1) await pause(this.#context.clock, farewellSpacing);
      errors.push(...[this.#say('prune', groups)].filter(error => error !== undefined));
    }
    if (errors.length === pruneCount) throw errors[0];
    // After the last Prune: from the goodbye on the device does not listen to us any more.
    for (let count = 1; count <= goodbyeCount; count++) {
      if (count > 1) await pause(this.#context.clock, farewellSpacing);
      this.#sayHello(0);
    }
  }

  async close(): Promise<void> {
    this.#silence();
    this.#neighbor.stop();
    this.#socket?.close();
    const {activity} = this.#context;
    activity.generationId = undefined;
    activity.neighborIs(undefined);
    activity.settled('hello', 'join', 'prune');
  }

  #silence(): void {
    this.#isEnding = true;
    this.#cancelAnnouncement();
    this.#cancelPrune();
  }

  /** Says what is due every 30 s, at once. */
  #announce(): void {
    if (this.#isEnding) return;
    const failures = [this.#sayHello(helloHoldtime), this.#say('join', this.#config.groups)];
    const error = failures.find(failure => failure && isTransient(failure));
    this.#announceAgain(error);
  }

  #announceAgain(error?: SocketError): void {
    const {clock} = this.#context;
    this.#cancelAnnouncement();
    const delay = error && isTransient(error) ? retryPeriod : jittered(clock, period);
    this.#cancelAnnouncement = clock.after(delay, () => this.#announce());
  }

  #pruneLeaving(): void {
    this.#cancelPrune();
    const error = this.#say('prune', [...this.#leaving.keys()]);
    if (!error || !isTransient(error)) {
      for (const [group, count] of this.#leaving) {
        if (count > 1) this.#leaving.set(group, count - 1);
        else this.#leaving.delete(group);
      }
    }
    if (this.#leaving.size === 0) return;
    const delay = error ? retryPeriod : farewellSpacing;
    this.#cancelPrune = this.#context.clock.after(delay, () => this.#pruneLeaving());
  }

  #sayHello(holdtime: number): SocketError | undefined {
    const {activity} = this.#context;
    const hello = encodeHello({holdtime, generationId: this.#generationId, drPriority});
    return attempt(activity, 'hello', [hello], message => this.#socket?.send(message, allPimRouters, ttl));
  }

  #say(action: 'join' | 'prune', groups: readonly Ipv4[]): SocketError | undefined {
    const {peerAddress: upstream, rp} = this.#config;
    const holdtime = action === 'join' ? joinHoldtime : pruneHoldtime;
    const messages = encodeSharedTree({upstream, rp, action, holdtime, groups}, this.#mtu);
    return attempt(this.#context.activity, action, messages, message => {
      this.#socket?.send(message, allPimRouters, ttl);
    });
  }

  #receive({source, payload}: Ipv4Datagram): void {
    const {activity} = this.#context;
    try {
      const isHello = source === this.#config.peerAddress && decodeMessage(payload).type === pimType.hello;
      const hello = isHello ? decodeHello(payload) : undefined;
      activity.received(hello ? 'hellosReceived' : 'ignored');
      if (hello) this.#neighbor.heard(source, hello);
    } catch (error) {
      if (!(error instanceof PimError)) throw error;
      activity.received('malformed');
    }
  }
}
