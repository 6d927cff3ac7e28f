import {mock} from 'node:test';
import test from 'ava';
import {SessionStatus} from '../../../src/bgp/session-status.js';

/** A status whose time passes when told to. The bodies do not wait for anything, so no two tests share the clock. */
function withClock(body: (world: {status: SessionStatus; told: string[]; pass: (seconds: number) => void}) => void) {
  mock.timers.enable({apis: ['setTimeout']});
  try {
    const told: string[] = [];
    const status: SessionStatus = new SessionStatus(() => told.push(`${status.state} ${status.lastError}`.trim()));
    body({status, told, pass: seconds => mock.timers.tick(seconds * 1000)});
  } finally {
    mock.timers.reset();
  }
}

test('a session is pending until something is heard of the peer', t =>
  withClock(({status, told, pass}) => {
    pass(29.9);
    t.is(status.state, 'pending');
    t.deepEqual(told, []);
  }));

test('without TCP for 30 s a peer is unreachable, with TCP but no session it has failed', t =>
  withClock(({status, told, pass}) => {
    pass(30);
    t.is(status.state, 'unreachable');
    status.connected();
    pass(29.9);
    t.is(status.state, 'unreachable');
    pass(0.1);
    t.is(status.state, 'failed');
    pass(30); // and now TCP does not come up any more
    t.is(status.state, 'unreachable');
    t.deepEqual(told, ['unreachable', 'failed', 'unreachable']);
  }));

test('a session goes from its OPEN to up, and down when the connection ends', t =>
  withClock(({status, told}) => {
    status.connected();
    status.opened();
    t.is(status.holdTime, undefined);
    status.established(3);
    t.is(status.holdTime, 3);
    t.true(status.establishedTime instanceof Date);
    status.closed('the peer went away');
    t.is(status.holdTime, undefined);
    t.is(status.establishedTime, undefined);
    t.deepEqual(told, ['initializing', 'up', 'down the peer went away']);
  }));

test('a timer that is late does not overwrite a session that is up', t =>
  withClock(({status, told, pass}) => {
    status.connected();
    pass(29.999);
    status.opened();
    status.established(3);
    pass(120);
    t.is(status.state, 'up');
    t.deepEqual(told, ['initializing', 'up']);
  }));

test('a lost session has 30 s of its own before it counts as failed', t =>
  withClock(({status, pass}) => {
    status.connected();
    pass(20);
    status.established(3);
    pass(20);
    status.closed('');
    pass(29);
    t.is(status.state, 'down');
    pass(1);
    t.is(status.state, 'unreachable');
  }));

test('a connection that ends before an OPEN takes a pending session down, and leaves one that has failed as it is', t =>
  withClock(({status, told, pass}) => {
    status.closed('refused');
    t.is(status.state, 'pending');
    status.connected();
    status.closed('reset');
    t.is(status.state, 'down');
    pass(30);
    status.connected();
    status.closed('reset again');
    t.deepEqual(told, ['pending refused', 'down reset', 'failed reset', 'failed reset again']);
  }));

test('a session that has failed comes up again', t =>
  withClock(({status, told, pass}) => {
    pass(30);
    status.connected();
    status.opened();
    status.established(3);
    t.deepEqual(told, ['unreachable', 'initializing', 'up']);
    status.closed('');
    t.is(status.state, 'down'); // with 30 s of its own again
  }));

test('a handshake that breaks off after 30 s without a session leaves it failed', t =>
  withClock(({status, told, pass}) => {
    pass(30);
    status.connected();
    status.opened();
    status.closed('reset');
    t.deepEqual(told, ['unreachable', 'initializing', 'failed reset']);
  }));

test('an error is kept after the session is back, and the same one again is no news', t =>
  withClock(({status, told}) => {
    status.closed('refused');
    const noted = status.lastUpdate;
    status.closed('refused');
    t.is(status.lastUpdate, noted);
    status.established(3);
    status.closed('');
    t.is(status.lastError, 'refused');
    t.deepEqual(told, ['pending refused', 'up refused', 'down refused']);
  }));

test('a status that is stopped keeps no time, not even when its session ends after that', t =>
  withClock(({status, told, pass}) => {
    status.established(3);
    status.stop();
    status.closed('');
    pass(600);
    t.deepEqual(told, ['up', 'down']);
  }));
