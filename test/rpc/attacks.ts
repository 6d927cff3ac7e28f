import {once} from 'node:events';
import {Duplex} from 'node:stream';
import {connect as connectTls} from 'node:tls';
import {endHeaders, endStream, frame, frameType, headerBlock, message, preface, requestHeaders} from './raw-http2.js';

/** What a hostile client says on each of its connections. */
export interface Attack {
  /** Said first. */
  readonly opening: Buffer;
  /** Said after that, as often as the server reads; `undefined`: nothing more. The turns are counted from 0. */
  readonly next?: (turn: number) => Buffer | undefined;
  /** Milliseconds between two turns. */
  readonly pause?: number;
  /** It does not read what the server says. */
  readonly deaf?: true;
}

const {data, headers, rstStream, settings, ping, continuation} = frameType;
const [windowUpdate, unknown] = [8, 77];
const initialWindowSize = 4;
const service = '/doublezero.tunnel.v1.TunnelService/';

const times = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({length: count}, (_, index) => make(index)));
const uint32 = (...values: number[]): Buffer => times(values.length, index => uint32Of(values[index] ?? 0));

function uint32Of(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

function setting(identifier: number, value: number): Buffer {
  const octets = Buffer.alloc(6);
  octets.writeUInt16BE(identifier);
  octets.writeUInt32BE(value, 2);
  return octets;
}

const acknowledge = frame(settings, 1, 0);
const greeting = (...wanted: Buffer[]): Buffer =>
  Buffer.concat([preface, frame(settings, 0, 0, Buffer.concat(wanted)), acknowledge]);
const hello = greeting();

const open = (stream: number, method = 'GetTunnel'): Buffer =>
  frame(headers, endHeaders, stream, requestHeaders({':path': service + method}));
const request = (stream: number, method: string): Buffer =>
  Buffer.concat([open(stream, method), frame(data, endStream, stream, message(Buffer.alloc(0)))]);
const cancel = (stream: number): Buffer => frame(rstStream, 0, stream, uint32(8));
/** Streams of clients have odd numbers. */
const streams = (count: number, make: (stream: number) => Buffer, first = 0): Buffer =>
  times(count, index => make(2 * (first + index) + 1));

/** Fields of a header block, 100 octets each. */
const fields = (count: number): Buffer =>
  headerBlock(Object.fromEntries(Array.from({length: count}, (_, index) => [`x-${index}`, 'y'.repeat(90)])));

/** Frames of HTTP/2, over TCP; in turns of some 50 kB. */
export const http2Attacks: Readonly<Record<string, Attack>> = {
  'a PING flood': {opening: hello, next: () => times(3000, () => frame(ping, 0, 0, Buffer.alloc(8)))},
  'a PING flood in small turns': {opening: hello, next: () => times(300, () => frame(ping, 0, 0, Buffer.alloc(8)))},
  'a SETTINGS flood': {opening: hello, next: () => times(3000, () => frame(settings, 0, 0, setting(3, 100)))},
  'a WINDOW_UPDATE flood': {
    opening: Buffer.concat([hello, open(1)]),
    next: () => times(4000, () => frame(windowUpdate, 0, 1, uint32(1))),
  },
  'a flood of unknown frames': {opening: hello, next: () => times(5000, () => frame(unknown, 0, 0))},
  'empty DATA frames': {opening: Buffer.concat([hello, open(1)]), next: () => times(5000, () => frame(data, 0, 1))},
  'rapid reset (CVE-2023-44487)': {
    opening: hello,
    next: turn => streams(500, stream => Buffer.concat([open(stream), cancel(stream)]), 500 * turn),
  },
  'rapid reset of whole requests': {
    opening: hello,
    next: turn => streams(400, stream => Buffer.concat([request(stream, 'ListTunnels'), cancel(stream)]), 400 * turn),
  },
  'a CONTINUATION flood': {
    opening: Buffer.concat([hello, frame(headers, 0, 1, requestHeaders())]),
    next: () => times(50, () => frame(continuation, 0, 1, fields(10))),
  },
  'a header list without end': {
    opening: hello,
    next: turn => (turn === 0 ? frame(headers, 0, 1, fields(160)) : frame(continuation, 0, 1, fields(160))),
  },
  'large header lists, one after the other': {
    opening: hello,
    next: turn =>
      streams(
        5,
        stream => frame(headers, endHeaders | endStream, stream, Buffer.concat([requestHeaders(), fields(110)])),
        5 * turn,
      ),
  },
  'more streams than allowed': {
    opening: hello,
    next: turn => (turn === 0 ? streams(1000, stream => open(stream)) : undefined),
  },
  'streams by somebody who acknowledges no limits': {
    opening: Buffer.concat([preface, frame(settings, 0, 0)]),
    next: turn => streams(500, stream => open(stream), 500 * turn),
  },
  'answers that no window lets out': {
    opening: greeting(setting(initialWindowSize, 0)),
    next: turn => (turn === 0 ? streams(128, stream => request(stream, 'ListTunnels')) : undefined),
  },
  'answers that nobody reads': {
    opening: Buffer.concat([
      greeting(setting(initialWindowSize, 0x7fff_ffff)),
      frame(windowUpdate, 0, 0, uint32(0x7fff_0000)),
    ]),
    next: turn => (turn < 1000 ? streams(100, stream => request(stream, 'ListTunnels'), 100 * turn) : undefined),
    deaf: true,
  },
  'watches that nobody reads': {
    opening: greeting(setting(initialWindowSize, 0)),
    next: turn => (turn === 0 ? streams(128, stream => request(stream, 'WatchTunnels')) : undefined),
    deaf: true,
  },
  'requests an octet at a time': {
    opening: Buffer.concat([hello, streams(128, stream => open(stream))]),
    next: turn => streams(128, stream => frame(data, 0, stream, Buffer.of(turn < 4 ? 0 : 1))),
    pause: 1000,
  },
  'large requests that never end': {
    opening: Buffer.concat([
      hello,
      streams(128, stream =>
        Buffer.concat([open(stream), frame(data, 0, stream, Buffer.from([0, 0, 0x0f, 0xff, 0xff]))]),
      ),
    ]),
    next: turn => (turn < 2000 ? streams(128, stream => frame(data, 0, stream, Buffer.alloc(500, 1))) : undefined),
  },
  'requests larger than allowed': {
    opening: hello,
    next: turn =>
      streams(
        100,
        stream =>
          Buffer.concat([
            open(stream),
            frame(data, endStream, stream, message(Buffer.alloc(1), {length: 0xffff_ffff})),
          ]),
        100 * turn,
      ),
  },
  'requests as fast as can be': {
    opening: hello,
    next: turn => streams(50, stream => request(stream, 'ListTunnels'), 50 * turn),
  },
};

/** The first octets that a TLS client of this Node.js says. */
async function clientHello(): Promise<Buffer> {
  const nobody = new Duplex({
    read() {},
    write(octets: Buffer, _encoding, done) {
      nobody.emit('said', octets);
      done();
    },
  });
  const said = once(nobody, 'said');
  connectTls({socket: nobody, ALPNProtocols: ['h2']}).on('error', () => {});
  const [octets] = await said;
  return octets as Buffer;
}

/** What is said to a listener with TLS, or not said. */
export async function tlsAttacks(): Promise<Readonly<Record<string, Attack>>> {
  const whole = await clientHello();
  return {
    'connections that say nothing': {opening: Buffer.alloc(0)},
    'half a ClientHello': {opening: whole.subarray(0, whole.length / 2)},
    'a ClientHello an octet at a time': {
      opening: Buffer.alloc(0),
      next: turn => (turn < whole.length ? whole.subarray(turn, turn + 1) : undefined),
      pause: 1000,
    },
    'a ClientHello and nothing more': {opening: whole},
    'garbage on the TLS port': {opening: Buffer.alloc(65_536, 0xff), next: () => Buffer.alloc(65_536, 0xff)},
  };
}
