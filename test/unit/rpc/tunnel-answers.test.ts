import test from 'ava';
import type {BgpSessionStatus} from '../../../src/bgp/bgp-speaker.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {Activity} from '../../../src/multicast/activity.js';
import {systemClock} from '../../../src/multicast/clock.js';
import {encodedOnce} from '../../../src/rpc/encoded-once.js';
import {BgpSessionState} from '../../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {TunnelAnswers} from '../../../src/rpc/tunnel-answers.js';
import {samples} from '../../samples.js';
import {openWorld, silentLogger} from '../../world.js';

const pending: BgpSessionStatus = {
  state: 'pending',
  lastUpdate: new Date(0),
  localAddress: ipv4(0xa9fe0001),
  peerAddress: ipv4(0xa9fe0000),
  localAsn: 65000,
  peerAsn: 65001,
  routesReceived: 0,
  routesInstalled: 0,
  lastError: '',
};

const silent = {status: () => undefined};

test('the answer is the same message while nothing has changed, though the speaker makes a new status each time', async t => {
  await using world = openWorld();
  const tunnel = await world.manager.provision(samples.ibrl);
  const answers = new TunnelAnswers({session: () => ({...pending})}, silent);
  t.is(answers.of(tunnel), answers.of(tunnel));
  t.is(answers.of(tunnel).bgpSession?.state, BgpSessionState.BGP_SESSION_STATE_PENDING);
});

const changes: Partial<BgpSessionStatus>[] = [
  {state: 'up'},
  {lastUpdate: new Date(1)},
  {holdTime: 90},
  {routesReceived: 1},
  {routesInstalled: 1},
  {lastError: 'Hold Timer Expired'},
  {establishedTime: new Date(1)},
];
for (const change of changes) {
  test(`the answer follows the session: ${Object.keys(change)}`, async t => {
    await using world = openWorld();
    const tunnel = await world.manager.provision(samples.ibrl);
    let session: BgpSessionStatus | undefined = pending;
    const answers = new TunnelAnswers({session: () => session}, silent);
    const before = answers.of(tunnel);
    session = {...pending, ...change};
    const after = answers.of(tunnel);
    t.notDeepEqual(after, before);
    session = pending;
    t.deepEqual(answers.of(tunnel), before);
    session = undefined;
    t.is(answers.of(tunnel).bgpSession, undefined);
  });
}

test('the answer follows what is sent for multicast', async t => {
  await using world = openWorld();
  const tunnel = await world.manager.provision(samples.multicast);
  const activity = new Activity({clock: systemClock, log: silentLogger(), onNeighborChange: () => undefined});
  const answers = new TunnelAnswers({session: () => undefined}, {status: () => activity.status});
  const before = answers.of(tunnel);
  t.is(answers.of(tunnel), before);
  activity.tried('heartbeat', 2, []);
  t.is(answers.of(tunnel).multicast?.heartbeatsSent, 2n);
});

test('the answer follows the tunnel', async t => {
  await using world = openWorld();
  const answers = new TunnelAnswers({session: () => pending}, silent);
  const before = answers.of(await world.manager.provision(samples.ibrl));
  const after = answers.of(await world.manager.update({...samples.ibrl, bgpLocalAsn: 65010}));
  t.not(after.etag, before.etag);
  t.is(after.spec?.bgpLocalAsn, 65010);
});

test('a message is encoded once, an equal one by itself, and what is no object each time', t => {
  const encoded: unknown[] = [];
  const encode = encodedOnce(message => Buffer.from(String(encoded.push(message))));
  const message = {};
  t.deepEqual([message, message, {}, undefined, undefined].map(encode).map(String), ['1', '1', '2', '3', '4']);
});
