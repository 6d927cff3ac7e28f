import {setTimeout as delay} from 'node:timers/promises';
import {type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import type {RemoveTunnelResponse} from '../../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {InvalidArgument, TunnelError} from '../../src/tunnels/errors.js';
import {defaultLimits, recordingAudit} from './access.js';
import {answer, deferred, detailsOf, serve} from './plumbing.js';
import {
  endHeaders,
  endStream,
  frame,
  frameType,
  message,
  preface,
  rawConnect,
  received,
  requestHeaders,
} from './raw-http2.js';

const removed: RemoveTunnelResponse = {steps: []};
const name = 'doublezero0';
const request = {name, etag: '', allowMissing: false};
const summary = (asked: {name: string}) => ({tunnel: asked.name});
const toJson = (asked: {name: string}) => ({name: asked.name});

test('what a handler throws reaches the caller with its details', async t => {
  const violations = [{field: 'spec', description: 'is required'}];
  await using world = await serve({
    getTunnel: {handle: () => Promise.reject(new TunnelError('tunnel-not-found', 'no tunnel', {metadata: {name}}))},
    provisionTunnel: {
      summary: () => ({}),
      toJson: () => ({}),
      handle() {
        throw new InvalidArgument(violations);
      },
    },
  });
  const notFound = await t.throwsAsync<ServiceError>(answer(done => world.client.getTunnel({name}, done)));
  t.is(notFound.code, status.NOT_FOUND);
  t.is(notFound.details, 'no tunnel');
  t.like(detailsOf(notFound.metadata).errorInfo, {reason: 'TUNNEL_NOT_FOUND', metadata: {name}});

  const invalid = await t.throwsAsync<ServiceError>(
    answer(done => world.client.provisionTunnel({spec: undefined, validateOnly: false}, done)),
  );
  t.is(invalid.code, status.INVALID_ARGUMENT);
  t.deepEqual(detailsOf(invalid.metadata).violations, violations);
});

test('the cause of an internal error is in the log once, and not in the answer', async t => {
  await using world = await serve({
    getTunnel: {
      handle() {
        throw new Error('outer', {cause: new Error('the secret cause')});
      },
    },
  });
  const error = await t.throwsAsync<ServiceError>(answer(done => world.client.getTunnel({name}, done)));
  t.is(error.code, status.INTERNAL);
  t.is(error.details, 'internal error');
  t.is(world.lines.length, 1);
  t.like(world.lines[0], {level: 'error', message: 'rpc.done', method: 'GetTunnel', outcome: 'INTERNAL'});
  t.regex(String(world.lines[0]?.cause), /the secret cause/);
});

test('a call that changes something leaves one line with caller, summary, outcome and duration', async t => {
  await using world = await serve({removeTunnel: {summary, toJson, handle: () => removed}});
  await answer(done => world.client.removeTunnel(request, done));
  t.is(world.lines.length, 1);
  const [line] = world.lines;
  t.like(line, {level: 'info', message: 'rpc.done', method: 'RemoveTunnel', tunnel: name, outcome: 'OK'});
  t.is(line?.caller, 'anonymous');
  t.regex(String(line?.peer), /^127\.0\.0\.1:[0-9]+$/);
  t.is(typeof line?.took_ms, 'number');
});

test('a change that is refused leaves one line too, with the reason', async t => {
  const handle = () => Promise.reject(new TunnelError('etag-mismatch', 'it has changed'));
  await using world = await serve({removeTunnel: {summary, toJson, handle}});
  await t.throwsAsync(answer(done => world.client.removeTunnel(request, done)));
  t.is(world.lines.length, 1);
  t.like(world.lines[0], {level: 'warn', tunnel: name, outcome: 'ABORTED', error: 'it has changed'});
});

test('reads leave no line', async t => {
  await using world = await serve({listTunnels: {handle: () => ({tunnels: []})}});
  await answer(done => world.client.listTunnels({}, done));
  t.deepEqual(world.lines, []);
});

test('a response that cannot be serialized is an internal error, and in the log', async t => {
  await using world = await serve({getTunnel: {handle: () => ({createTime: 'yesterday'}) as never}});
  const error = await t.throwsAsync<ServiceError>(answer(done => world.client.getTunnel({name}, done)));
  t.is(error.details, 'internal error');
  t.like(world.lines[0], {level: 'error', method: 'GetTunnel', outcome: 'INTERNAL'});
});

test('a summary that fails is an internal error, not the end of the daemon', async t => {
  const broken = () => {
    throw new Error('broken summary');
  };
  await using world = await serve({removeTunnel: {summary: broken, toJson, handle: () => removed}});
  const error = await t.throwsAsync<ServiceError>(answer(done => world.client.removeTunnel(request, done)));
  t.is(error.code, status.INTERNAL);
  t.like(world.lines[0], {method: 'RemoveTunnel', outcome: 'INTERNAL', error: 'broken summary'});
});

test('a handler learns that the deadline has passed, and its work is logged as given up by the caller', async t => {
  const {promise: aborted, resolve: seen} = deferred();
  await using world = await serve({
    removeTunnel: {
      summary,
      toJson,
      async handle(_request, {signal}) {
        await new Promise(resolve => signal.addEventListener('abort', resolve));
        seen();
        return removed;
      },
    },
  });
  await callWithTimeout(world.server.addresses[0] ?? '', 'RemoveTunnel', '300m');
  await aborted;
  await delay(0); // the line follows the handler's promise
  t.like(world.lines[0], {outcome: 'OK', cancelled: true, tunnel: ''});
});

test('a call whose deadline has passed before it began is not begun', async t => {
  let begun = 0;
  await using world = await serve({
    getTunnel: {
      handle() {
        begun++;
        return Tunnel.create();
      },
    },
  });
  await callWithTimeout(world.server.addresses[0] ?? '', 'GetTunnel', '0n');
  t.is(begun, 0);
});

test('changes that come too late count towards the limit of the caller, since each leaves a record', async t => {
  const {records, audit} = recordingAudit();
  const rpc = {summary, toJson, handle: () => removed};
  await using world = await serve({removeTunnel: rpc}, {audit, limits: {...defaultLimits(), changes: 2}});
  for (let call = 0; call < 5; call++) await callWithTimeout(world.server.addresses[0] ?? '', 'RemoveTunnel', '0n');
  t.deepEqual(
    records.map(({outcome}) => outcome),
    ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'],
  );
});

test('a handler learns that the caller has given up', async t => {
  const {promise: began, resolve: begin} = deferred();
  const {promise: aborted, resolve: seen} = deferred();
  await using world = await serve({
    getTunnel: {
      async handle(_request, {signal}) {
        signal.addEventListener('abort', () => seen());
        begin();
        await aborted;
        return Tunnel.create();
      },
    },
  });
  const call = world.client.getTunnel({name}, () => {});
  await began;
  call.cancel();
  await t.notThrowsAsync(aborted);
});

/** A call with an empty request whose time runs from when the server hears of it; resolves when it is answered. */
async function callWithTimeout(address: string, method: string, timeout: string): Promise<void> {
  const path = `/doublezero.tunnel.v1.TunnelService/${method}`;
  const headers = requestHeaders({':path': path, 'grpc-timeout': timeout});
  const socket = await rawConnect(address);
  socket.write(preface);
  socket.write(frame(frameType.settings, 0, 0));
  socket.write(frame(frameType.headers, endHeaders, 1, headers));
  socket.write(frame(frameType.data, endStream, 1, message(Buffer.alloc(0))));
  await received(socket, frameType.headers);
  socket.destroy();
}
