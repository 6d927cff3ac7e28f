// One after the other, and in a process of their own: each keeps the event loop busy, that of the peer among it.
import test from 'ava';
import {encodeMessage, messageType} from '../../../src/bgp/codec/message-header.js';
import {besideGoodSession} from './good-session.js';
import {drained} from './scripted-peer.js';

test.serial(
  'a peer that asks for the routes without end and never reads them is dropped before it costs much',
  async t => {
    await besideGoodSession(t, async world => {
      const call = await world.call();
      await call.establish();
      await world.reaches('up');
      call.socket.pause();
      const requests = Buffer.concat(
        Array.from({length: 2000}, () => encodeMessage(messageType.routeRefresh, [0, 1, 0, 1])),
      );
      let sending = true;
      const flood = async () => {
        while (sending && !call.socket.destroyed) {
          if (!call.socket.write(requests)) await drained(call);
        }
      };
      const flooding = flood().catch(() => undefined);
      const {lastError} = await world.reaches('down');
      t.regex(lastError, /the peer does not read what is sent/);
      sending = false;
      await flooding;
    });
  },
);

test.serial('a flood of malformed UPDATEs keeps no other session waiting', async t => {
  await besideGoodSession(t, async world => {
    const call = await world.establish();
    // ORIGIN of two octets: to be treated as a withdrawal (RFC 7606 §7.1)
    const malformed = encodeMessage(messageType.update, [0, 0, 0, 5, 0x40, 1, 2, 0, 0, 32, 11, 0, 0, 1]);
    const many = Buffer.concat(Array.from({length: 2000}, () => malformed));
    const end = performance.now() + 4000; // longer than the hold time of both
    while (performance.now() < end) if (!call.socket.write(many)) await drained(call);
    t.is(world.session().state, 'up');
    t.is(world.session().routesReceived, 0);
  });
});
