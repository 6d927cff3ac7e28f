import test from 'ava';
import {Exchange, type Outcome} from '../../../src/netlink/kernel/exchange.js';
import {control, flag, headerLength, littleEndian, messageOffsets} from '../../../src/netlink/kernel/wire.js';

interface Header {
  readonly type: number;
  readonly sequence: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

function message({type, sequence, flags = 0, payload = new Uint8Array(4)}: Header): Buffer {
  const bytes = Buffer.alloc(headerLength + payload.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, bytes.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  view.setUint32(8, sequence, littleEndian);
  bytes.set(payload, headerLength);
  return bytes;
}

function answer(sequence: number, errno: number, type: number = control.error): Buffer {
  const payload = new Uint8Array(20);
  new DataView(payload.buffer).setInt32(0, -errno, littleEndian);
  return message({type, sequence, payload});
}

/** An exchange of so many messages, numbered from `first`, and what became of it. */
function begin(count: number, first = 10) {
  const sent = Buffer.concat(Array.from({length: count}, () => message({type: 24, sequence: 0})));
  const visited: number[] = [];
  let outcome: Outcome | undefined;
  const exchange = new Exchange(sent, {
    visit: (view, start) => visited.push(view.getUint16(start + 4, littleEndian)),
    resolve: value => {
      outcome = value;
    },
    reject: () => undefined,
  });
  const next = exchange.stamp(first);
  const hear = (...answers: Buffer[]) => {
    const datagram = Buffer.concat(answers);
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    for (const offset of messageOffsets(view)) exchange.accept(view, offset);
  };
  const end = () => {
    exchange.succeed();
    return outcome;
  };
  return {exchange, sent, next, visited, hear, end};
}

test('messages are numbered in order, and only the last asks for an acknowledgement', t => {
  const {sent, next} = begin(3);
  const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
  const offsets = [...messageOffsets(view)];
  t.deepEqual(
    offsets.map(offset => view.getUint32(offset + 8, littleEndian)),
    [10, 11, 12],
  );
  t.deepEqual(
    offsets.map(offset => view.getUint16(offset + 6, littleEndian) & flag.ack),
    [0, 0, flag.ack],
  );
  t.is(next, 13);
});

test('it is complete with the answer to the last message, be it good or bad', t => {
  for (const errno of [0, 17]) {
    const {exchange, hear} = begin(3);
    hear(answer(11, 22));
    t.false(exchange.complete);
    hear(answer(12, errno));
    t.true(exchange.complete);
  }
});

test('refused messages are told by their place', t => {
  const {hear, end} = begin(4);
  hear(answer(10, 17), answer(12, 22));
  hear(answer(13, 3));
  t.deepEqual(end()?.refused, [
    {index: 0, errno: 17},
    {index: 2, errno: 22},
    {index: 3, errno: 3},
  ]);
});

test('answers to other exchanges are left alone', t => {
  const {exchange, visited, hear, end} = begin(2);
  hear(answer(9, 17), answer(12, 17), message({type: 24, sequence: 0}), message({type: 24, sequence: 12}));
  t.false(exchange.complete);
  hear(answer(11, 0), answer(10, 17));
  t.deepEqual(end()?.refused, []);
  t.deepEqual(visited, []);
});

test('sequence numbers may wrap around', t => {
  const {exchange, next, hear, end} = begin(3, 0xfffffffe);
  t.is(next, 1);
  hear(answer(0xfffffffe, 1), answer(0xffffffff, 2), answer(0, 3));
  t.true(exchange.complete);
  t.deepEqual(
    end()?.refused.map(({index}) => index),
    [0, 1, 2],
  );
});

test('a dump visits every answer and ends with the end of it', t => {
  const {exchange, visited, hear, end} = begin(1);
  hear(message({type: 24, sequence: 10}), message({type: 25, sequence: 10}));
  hear(message({type: 26, sequence: 10}), answer(10, 0, control.done));
  t.true(exchange.complete);
  t.deepEqual(visited, [24, 25, 26]);
  t.deepEqual(end(), {refused: [], interrupted: false});
});

test('a dump that fails at its end is refused', t => {
  const {hear, end} = begin(1);
  hear(answer(10, 12, control.done));
  t.deepEqual(end()?.refused, [{index: 0, errno: 12}]);
});

test('a dump during which something changed is interrupted', t => {
  const {hear, end} = begin(1);
  hear(message({type: 24, sequence: 10, flags: flag.dumpInterrupted}), answer(10, 0, control.done));
  t.true(end()?.interrupted);
});

test('a message that is cut short ends the datagram', t => {
  const whole = message({type: 24, sequence: 10});
  const cut = Buffer.concat([whole, whole.subarray(0, 18)]);
  t.deepEqual([...messageOffsets(new DataView(cut.buffer, cut.byteOffset, cut.byteLength))], [0]);
});
