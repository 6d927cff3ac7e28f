import {randomBytes} from 'node:crypto';
import {setTimeout as delay, setImmediate} from 'node:timers/promises';
import test from 'ava';
import {encodeKeepalive, encodeMessage, messageType} from '../../../src/bgp/codec/message-header.js';
import {encodeEndOfRib} from '../../../src/bgp/codec/update-encode.js';
import {besideGoodSession} from './good-session.js';
import {eventually, openWorld, type World} from './loopback-world.js';
import {type Call, drained} from './scripted-peer.js';

const update = Buffer.concat([encodeEndOfRib()]);

type Stage = (call: Call, world: World) => unknown;

/** Where a connection can be when the peer resets it. */
const stages: Record<string, Stage> = {
  'before anything is said': () => undefined,
  'after our OPEN': call => call.next('open'),
  'in the middle of its OPEN': call => call.send(Buffer.alloc(25, 255)),
  'right behind its OPEN': call => call.sendOpen(),
  'after our KEEPALIVE': async call => {
    call.sendOpen();
    await call.next('keepalive');
  },
  'when the session is up': (call, world) => establish(call, world),
  'in the middle of an UPDATE': async (call, world) => {
    await establish(call, world);
    call.send(update.subarray(0, 20));
  },
  'right behind an OPEN that is refused': call => call.sendOpen({holdTime: 1}),
  'when the speaker has closed its side': async call => {
    call.lingers = true;
    call.sendOpen({holdTime: 1});
    await call.next('notification');
  },
  'right behind a NOTIFICATION': call => call.send(encodeMessage(messageType.notification, [6, 4])),
};

async function establish(call: Call, world: World) {
  await call.establish(false);
  await world.reaches('up');
}

const resets = test.macro({
  title: stage => `a peer that resets the connection ${stage} is called again, and disturbs nobody`,
  async exec(t, reach: Stage) {
    await besideGoodSession(t, async world => {
      const call = await world.call();
      const calledAgain = world.device.call();
      await reach(call, world);
      // What was written has to be on its way, or the reset would overtake it.
      await drained(call);
      call.reset();
      await establish(await calledAgain, world);
      t.not(world.session().lastError, '');
    });
  },
});
for (const [stage, reach] of Object.entries(stages)) test(stage, resets, reach);

test('a peer that stops in the middle of a message is gone when its hold time is over', async t => {
  await besideGoodSession(t, async world => {
    const call = await world.call();
    await establish(call, world);
    const start = performance.now();
    call.send(encodeKeepalive(), update.subarray(0, 20));
    t.deepEqual(await call.notification(), {code: 4, subcode: 0});
    t.true(performance.now() - start > 2500);
    await world.reaches('down');
  });
});

test('a peer that sends a message octet by octet is understood, and is gone once it is too slow for its hold time', async t => {
  await besideGoodSession(t, async world => {
    const call = await world.call();
    await establish(call, world);
    for (const octet of encodeKeepalive()) {
      call.send(Uint8Array.of(octet));
      await setImmediate();
    }
    t.is(world.session().state, 'up');
    // From here on each octet is in time, and yet no message comes.
    const trickle = setInterval(() => call.send(Uint8Array.of(255)), 300);
    t.deepEqual(await call.notification(), {code: 4, subcode: 0});
    clearInterval(trickle);
    await world.reaches('down');
  });
});

test('garbage is answered with what is wrong about it, however much of it comes', async t => {
  await besideGoodSession(t, async world => {
    const call = await world.call();
    for (let piece = 0; piece < 64; piece++) call.send(randomBytes(1 << 16));
    await world.reaches('down');
    t.is(
      world.session().lastError,
      'we sent NOTIFICATION: Message Header Error / Connection Not Synchronized (1/1): the marker is not all ones',
    );
    await call.ended();
  });
});

test('a peer that connects and says nothing has failed, and is not down or unreachable', async t => {
  await besideGoodSession(t, async world => {
    await world.call();
    const {lastError} = await world.reaches('failed');
    t.is(lastError, '');
    t.is(world.device.calls, 1);
  });
});

test('a peer that is not there is unreachable, and comes up once it is', async t => {
  await besideGoodSession(t, async world => {
    const {port} = world.device;
    await world.device[Symbol.asyncDispose]();
    await world.speaker.addPeer(world.peer());
    await world.reaches('unreachable');
    t.regex(world.session().lastError, /ECONNREFUSED/);
    await using device = await world.listenAgain(port);
    const call = await device.call();
    await call.establish();
    await world.reaches('up');
  });
});

interface Rejecting {
  readonly title: string;
  readonly reject: (call: Call) => unknown;
}

const backsOff = test.macro({
  title: (_given, {title}: Rejecting) => `a peer that ${title} at once is called a few times in 5 s, not more`,
  async exec(t, {reject}: Rejecting) {
    await besideGoodSession(t, async world => {
      void world.device.answer(reject);
      await world.speaker.addPeer(world.peer());
      await delay(5000);
      // About a second apart for the first three, then twice as long each time, a quarter less at most.
      t.true(world.device.calls >= 2 && world.device.calls <= 5, `${world.device.calls} calls`);
    });
  },
});
test(backsOff, {title: 'closes', reject: call => call.socket.end()});
test(backsOff, {title: 'resets', reject: call => call.reset()});
test(backsOff, {
  title: 'says it will not have us',
  reject: call => call.send(encodeMessage(messageType.notification, [2, 2])),
});
test(backsOff, {
  title: 'sends an OPEN of another AS',
  reject: call => call.sendOpen({myAutonomousSystem: 7, optionalParameters: []}),
});
test(backsOff, {
  title: 'ends each session as soon as it is up',
  async reject(call) {
    await call.establish(false).catch(() => undefined);
    call.send(encodeMessage(messageType.notification, [6, 1]));
  },
});

test('calls come and go by the hundred without one left open', async t => {
  await using world = await openWorld();
  for (let round = 0; round < 100; round++) {
    const call = await world.call();
    if (round % 2 === 0) await call.next('open');
    await world.speaker.deletePeer('doublezero0');
    await call.ended();
  }
  await eventually('all connections are closed', () => world.openConnections() === 0);
  t.pass();
});
