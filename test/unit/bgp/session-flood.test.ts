// One after the other, and in a process of their own: each keeps the event loop busy, that of the peer among it.
import test from 'ava';
import {encodeMessage, messageType} from '../../../src/bgp/codec/message-header.js';
import {besideGoodSession} from './good-session.js';
import {flood} from './scripted-peer.js';

const request = encodeMessage(messageType.routeRefresh, [0, 1, 0, 1]);

for (const reads of [true, false]) {
  const manner = reads ? 'reads' : 'does not read';
  test.serial(
    `a peer that asks for the routes without end, and ${manner} them, keeps no other session waiting`,
    async t => {
      await besideGoodSession(t, async world => {
        const call = await world.establish();
        if (!reads) call.socket.pause();
        await flood(call, Buffer.concat(Array.from({length: 2000}, () => request)));
        t.is(world.session().state, 'up');
      });
    },
  );
}

test.serial('a flood of malformed UPDATEs keeps no other session waiting', async t => {
  await besideGoodSession(t, async world => {
    const call = await world.establish();
    // ORIGIN of two octets: to be treated as a withdrawal (RFC 7606 §7.1)
    const malformed = encodeMessage(messageType.update, [0, 0, 0, 5, 0x40, 1, 2, 0, 0, 32, 11, 0, 0, 1]);
    await flood(call, Buffer.concat(Array.from({length: 2000}, () => malformed)));
    t.is(world.session().state, 'up');
    t.is(world.session().routesReceived, 0);
  });
});
