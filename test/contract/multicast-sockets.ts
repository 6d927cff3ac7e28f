import test, {type ExecutionContext} from 'ava';
import {type Ipv4, parseIpv4} from '../../src/ip/ipv4.js';
import {heartbeatPayload} from '../../src/multicast/heartbeat-datagram.js';
import type {Ipv4Datagram} from '../../src/multicast/ipv4-datagram.js';
import {allPimRouters} from '../../src/multicast/pim/message.js';
import {type MulticastSockets, type PimSocket, SocketError, type SocketErrorKind} from '../../src/multicast/sockets.js';

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new TypeError(`not an address: ${text}`);
  return address;
}

/** One end of a wire. */
export interface End {
  readonly interface: string;
  readonly index: number;
  readonly source: Ipv4;
}

/** Addresses of the wire; that of the publisher is at the near end as well. */
export const addresses = {
  near: ip('169.254.77.1'),
  far: ip('169.254.77.0'),
  publisher: ip('10.99.0.1'),
  group: ip('233.84.178.1'),
} as const;

/** A wire with two ends, MTU 1476. */
export interface SocketsWorld extends AsyncDisposable {
  readonly sockets: MulticastSockets;
  readonly near: End;
  readonly far: End;
  /** Takes the near end away. */
  remove(): Promise<void>;
  /** Listens for heartbeats at an end. */
  hearHeartbeats(end: End, hear: (datagram: Ipv4Datagram) => void): Promise<void>;
}

/** What was heard, in order; it can be waited for. */
class Heard {
  readonly datagrams: Ipv4Datagram[] = [];
  #wake = () => {};

  readonly onDatagram = (datagram: Ipv4Datagram): void => {
    this.datagrams.push(datagram);
    this.#wake();
  };

  /** Resolves to the nth that says so, when it is there. */
  async saying(text: string, nth = 1): Promise<Ipv4Datagram> {
    for (;;) {
      const found = this.datagrams.filter(({payload}) => Buffer.from(payload).includes(text))[nth - 1];
      if (found) return found;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  get texts(): string[] {
    return this.datagrams.map(({payload}) => Buffer.from(payload).toString());
  }
}

const message = (text: string): Uint8Array => Buffer.from(text);

async function refuses(t: ExecutionContext, attempt: () => unknown, kind: SocketErrorKind, errno: string) {
  const error = await t.throwsAsync(async () => void (await attempt()), {instanceOf: SocketError});
  t.like(error, {kind, errno});
}

/** What every implementation of `MulticastSockets` keeps. */
export function multicastSocketsContract(subject: string, open: () => Promise<SocketsWorld>): void {
  const holds = (
    behaviour: string,
    body: (t: ExecutionContext, world: SocketsWorld, listen: typeof listenOn) => Promise<void>,
  ): void =>
    // One after the other: in a kernel there is one network for all of them.
    test.serial(`${subject}: ${behaviour}`, async t => {
      t.timeout(120_000);
      await using world = await open();
      await body(t, world, listenOn);
    });

  async function listenOn(
    {sockets}: SocketsWorld,
    end: End,
    hearsAllRouters = true,
  ): Promise<{socket: PimSocket; heard: Heard}> {
    const heard = new Heard();
    return {heard, socket: await sockets.openPim({...end, hearsAllRouters, onDatagram: heard.onDatagram})};
  }

  holds('a message to all routers arrives at the other end with source, TTL and protocol', async (t, world, listen) => {
    const {near, far} = world;
    const [one, other] = [await listen(world, near), await listen(world, far)];
    one.socket.send(message('hello'), allPimRouters, 1);
    const datagram = await other.heard.saying('hello');
    t.like(datagram, {source: near.source, destination: allPimRouters, ttl: 1, protocol: 103});
    t.is(Buffer.from(datagram.payload).toString(), 'hello');
    for (const {socket} of [one, other]) socket.close();
  });

  holds('a message to one address arrives there, with the TTL it was given', async (t, world, listen) => {
    const {near, far} = world;
    const [one, other] = [await listen(world, near), await listen(world, far, false)];
    one.socket.send(message('register'), far.source, 32);
    t.like(await other.heard.saying('register'), {source: near.source, destination: far.source, ttl: 32});
    for (const {socket} of [one, other]) socket.close();
  });

  holds('nobody hears what it sent itself', async (t, world, listen) => {
    const [one, other] = [await listen(world, world.near), await listen(world, world.far)];
    one.socket.send(message('mine'), allPimRouters, 1);
    await other.heard.saying('mine');
    other.socket.send(message('answer'), allPimRouters, 1);
    await one.heard.saying('answer');
    t.deepEqual(one.heard.texts, ['answer']);
    for (const {socket} of [one, other]) socket.close();
  });

  holds('a socket hears what is for all routers, or what is for its address, never both', async (t, world, listen) => {
    const {near, far} = world;
    const one = await listen(world, near);
    const [deaf, other] = [await listen(world, far, false), await listen(world, far)];
    one.socket.send(message('to all'), allPimRouters, 1);
    one.socket.send(message('to you'), far.source, 1);
    one.socket.send(message('to all again'), allPimRouters, 1);
    one.socket.send(message('to you again'), far.source, 1);
    await deaf.heard.saying('to you again');
    await other.heard.saying('to all again');
    t.deepEqual(deaf.heard.texts, ['to you', 'to you again']);
    t.deepEqual(other.heard.texts, ['to all', 'to all again']);
    for (const {socket} of [one, deaf, other]) socket.close();
  });

  holds('once it is closed, and that may be twice, a socket neither hears nor sends', async (t, world, listen) => {
    const {near, far} = world;
    const [one, closed] = [await listen(world, near), await listen(world, far)];
    closed.socket.close();
    closed.socket.close();
    const other = await listen(world, far);
    one.socket.send(message('anyone?'), allPimRouters, 1);
    await other.heard.saying('anyone?');
    t.deepEqual(closed.heard.texts, []);
    await refuses(t, () => closed.socket.send(message('gone'), allPimRouters, 1), 'other', 'EBADF');
    for (const {socket} of [one, other]) socket.close();
  });

  holds('an interface that is not there is refused', async (t, {sockets, near}) => {
    const options = {...near, interface: 'nowhere0', hearsAllRouters: true, onDatagram: () => undefined};
    await refuses(t, () => sockets.openPim(options), 'missing', 'ENODEV');
  });

  holds('on an interface that is gone nothing can be sent', async (t, world, listen) => {
    const one = await listen(world, world.near);
    await world.remove();
    await refuses(t, () => one.socket.send(message('hello?'), allPimRouters, 1), 'missing', 'ENODEV');
    one.socket.close();
  });

  holds('a message longer than the MTU is refused, and one as long is not', async (t, world, listen) => {
    const [one, other] = [await listen(world, world.near), await listen(world, world.far)];
    await refuses(t, () => one.socket.send(new Uint8Array(1457), allPimRouters, 1), 'other', 'EMSGSIZE');
    one.socket.send(
      Uint8Array.from({length: 1456}, () => 'x'.charCodeAt(0)),
      allPimRouters,
      1,
    );
    t.is((await other.heard.saying('xx')).payload.length, 1456);
    for (const {socket} of [one, other]) socket.close();
  });

  holds('a heartbeat leaves by its interface, from its address, and is not heard at home', async (t, world) => {
    const {near, far, sockets} = world;
    const [home, away] = [new Heard(), new Heard()];
    await world.hearHeartbeats(near, home.onDatagram);
    await world.hearHeartbeats(far, away.onDatagram);
    const {publisher, group} = addresses;
    const socket = await sockets.openHeartbeat({source: publisher, egress: near.source});
    await socket.send(group);
    const datagram = await away.saying('DZ');
    t.like(datagram, {source: publisher, destination: group, ttl: 32, protocol: 17});
    const {payload} = datagram;
    t.is(new DataView(payload.buffer, payload.byteOffset).getUint16(2), 5765);
    t.deepEqual(payload.subarray(8), heartbeatPayload);
    // A second one, so that the first had its time to come home.
    await socket.send(group);
    await away.saying('DZ', 2);
    t.deepEqual(home.datagrams, []);
    await socket.close();
    await socket.close();
    await refuses(t, () => socket.send(group), 'other', 'EBADF');
  });
}
