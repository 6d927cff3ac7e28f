import test from 'ava';
import fc from 'fast-check';
import {BgpError} from '../../../src/bgp/codec/bgp-error.js';
import {type MessageType, messageType} from '../../../src/bgp/codec/message-header.js';
import {type Frame, MessageReader} from '../../../src/bgp/codec/message-reader.js';
import {decodeNotification, encodeNotification} from '../../../src/bgp/codec/notification.js';
import {decodeOpen, encodeOpen} from '../../../src/bgp/codec/open.js';
import {decodeRouteRefresh} from '../../../src/bgp/codec/route-refresh.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeUpdate} from '../../../src/bgp/codec/update-encode.js';
import {describeNotification} from '../../../src/bgp/notification-text.js';
import {negotiate} from '../../../src/bgp/session-parameters.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import * as arbitrary from './arbitraries.js';

const config = {localAs: 65000, peerAs: 65001, bgpIdentifier: ipv4(1), holdTime: 90};

/** Reads a body as a session would, and says `code/subcode` of the error it gives, if any. */
const decoders: Record<MessageType, (body: Uint8Array, context: {asWidth: 2 | 4; external: boolean}) => unknown> = {
  [messageType.open]: body => negotiate(config, decodeOpen(body)),
  [messageType.update]: decodeUpdate,
  [messageType.notification]: body => describeNotification('peer', decodeNotification(body)),
  [messageType.keepalive]: () => undefined,
  [messageType.routeRefresh]: decodeRouteRefresh,
};

/** Nothing, or the error; anything else thrown fails the property. */
function bgpErrorOf(act: () => unknown): BgpError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof BgpError) return error;
    throw error;
  }
}

const isWellFormed = (error: BgpError | undefined) =>
  error === undefined || (error.code >= 1 && error.code <= 3 && error.subcode >= 0 && error.message !== '');

const context = fc.record({asWidth: fc.constantFrom(2 as const, 4 as const), external: fc.boolean()});

const messages = fc.oneof(
  arbitrary.open.map(encodeOpen),
  arbitrary.notification.map(encodeNotification),
  arbitrary.update.map(update => encodeUpdate(update, 4)),
);

/** A good message with a few octets overwritten: gets much deeper than noise does. */
const damaged = fc
  .record({
    message: messages,
    damage: fc.array(fc.record({at: fc.nat({max: 4095}), octet: fc.nat({max: 255})}), {minLength: 1, maxLength: 4}),
  })
  .map(({message, damage}) => {
    const copy = message.slice(19);
    for (const {at, octet} of damage) if (copy.length > 0) copy[at % copy.length] = octet;
    return {type: message[18] as MessageType, body: copy};
  });

const noise = fc.record({
  type: fc.constantFrom(...Object.values(messageType)),
  body: fc.uint8Array({maxLength: 400}),
});

const holds = test.macro({
  title: kind => `${kind} either decodes or gives a BGP error with code and subcode`,
  exec(t, bodies: fc.Arbitrary<Frame>, numRuns: number) {
    const property = fc.property(bodies, context, ({type, body}, session) =>
      isWellFormed(bgpErrorOf(() => decoders[type](body, session))),
    );
    fc.assert(property, {numRuns});
    t.pass();
  },
});
test('any body', holds, noise, 2000);
test('any damaged body', holds, damaged, 2000);

/** Types, bodies and the final error of what a reader makes of the chunks. */
function outcome(chunks: readonly Uint8Array[]) {
  const reader = new MessageReader();
  const frames: Frame[] = [];
  const error = bgpErrorOf(() => {
    for (const chunk of chunks) {
      for (const {type, body} of reader.read(chunk)) frames.push({type, body: body.slice()});
    }
  });
  return {frames, error: error && [error.code, error.subcode, error.message, ...error.data]};
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map(cut => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
  return ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end));
}

const stream = fc
  .array(fc.oneof({weight: 4, arbitrary: messages}, {weight: 1, arbitrary: fc.uint8Array({maxLength: 30})}), {
    maxLength: 6,
  })
  .map(parts => Uint8Array.from(Buffer.concat(parts)));

test('any split of a stream gives the same messages and the same error', t => {
  const property = fc.property(stream, fc.array(fc.nat({max: 30_000}), {maxLength: 20}), (octets, cuts) =>
    t.deepEqual(outcome(split(octets, cuts)), outcome([octets])),
  );
  fc.assert(property, {numRuns: 500});
  t.pass();
});
