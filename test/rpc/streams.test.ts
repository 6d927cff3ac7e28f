import {once} from 'node:events';
import {type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import {TunnelEvent, TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import type {TunnelRpcs} from '../../src/rpc/rpcs.js';
import {RpcError} from '../../src/rpc/status.js';
import {Metrics} from '../../src/telemetry/metrics.js';
import {deferred, endOf, serve} from './plumbing.js';

const request = {resumeToken: '', names: []};
const event = (resumeToken: string) =>
  TunnelEvent.create({type: TunnelEventType.TUNNEL_EVENT_TYPE_UPDATED, resumeToken});
const watching = (handle: TunnelRpcs['watchTunnels']['handle']) => serve({watchTunnels: {handle}});

test('messages arrive in order, and the stream ends when the handler does', async t => {
  await using world = await watching(async function* () {
    for (const token of ['1', '2', '3']) yield event(token);
  });
  const tokens: string[] = [];
  for await (const {resumeToken} of world.client.watchTunnels(request)) tokens.push(resumeToken);
  t.deepEqual(tokens, ['1', '2', '3']);
});

test('an error after some messages ends the stream with its status', async t => {
  await using world = await watching(async function* () {
    yield event('1');
    throw new RpcError(status.RESOURCE_EXHAUSTED, 'too slow');
  });
  const tokens: string[] = [];
  const read = async () => {
    for await (const {resumeToken} of world.client.watchTunnels(request)) tokens.push(resumeToken);
  };
  const error = await t.throwsAsync<ServiceError>(read());
  t.deepEqual(tokens, ['1']);
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  t.is(error.details, 'too slow');
});

test('a handler ends when the caller gives up', async t => {
  const ended = deferred();
  await using world = await watching(async function* (_request, {signal}) {
    try {
      yield event('1');
      await once(signal, 'abort');
    } finally {
      ended.resolve();
    }
  });
  const watch = world.client.watchTunnels(request);
  await once(watch, 'data');
  watch.on('error', () => {});
  watch.cancel();
  await t.notThrowsAsync(ended.promise);
  t.deepEqual(world.lines, []);
});

test('each stream that ends is counted once, by how it did', async t => {
  const metrics = new Metrics();
  const handle: TunnelRpcs['watchTunnels']['handle'] = async function* ({resumeToken}, {signal}) {
    yield event('1');
    if (resumeToken === 'fail') throw new RpcError(status.RESOURCE_EXHAUSTED, 'too slow');
    if (resumeToken === 'stay') await once(signal, 'abort');
  };
  await using world = await serve({watchTunnels: {handle}}, {metrics});
  const watch = (resumeToken: string) => world.client.watchTunnels({resumeToken, names: []});
  await once(watch('').resume(), 'end');
  await endOf(watch('fail').resume());
  const staying = watch('stay');
  staying.once('data', () => staying.cancel());
  await endOf(staying);
  const counted = async () =>
    Object.fromEntries((await metrics.calls.get()).values.map(({labels, value}) => [labels.code, value]));
  while (Object.keys(await counted()).length < 3) await new Promise(resolve => setTimeout(resolve, 5));
  t.deepEqual(await counted(), {OK: 1, RESOURCE_EXHAUSTED: 1, CANCELLED: 1});
});

test('a caller that does not read holds up the handler, not the memory', async t => {
  const [longText, ended] = ['x'.repeat(64 * 1024), deferred()];
  let taken = 0;
  await using world = await watching(async function* () {
    try {
      for (;;) {
        taken++;
        yield event(longText);
      }
    } finally {
      ended.resolve();
    }
  });
  const watch = world.client.watchTunnels(request);
  watch.on('error', () => {});
  await once(watch, 'readable'); // and no read(): what the windows and buffers on the way can hold is all that goes
  const settled = await stable(() => taken);
  t.true(settled < 200, `${settled} messages of 64 KiB were taken`);
  watch.cancel();
  await t.notThrowsAsync(ended.promise);
});

test('a watch that is cancelled while the handler is held up ends the handler', async t => {
  const ended = deferred();
  await using world = await watching(async function* () {
    try {
      for (;;) yield event('x'.repeat(64 * 1024));
    } finally {
      ended.resolve();
    }
  });
  const watch = world.client.watchTunnels(request);
  const end = endOf(watch);
  await once(watch, 'readable');
  watch.cancel();
  t.is((await end).code, status.CANCELLED);
  await ended.promise;
});

/** The value once it has not changed for 20 turns of the event loop in which sockets were looked at. */
async function stable(value: () => number): Promise<number> {
  let [last, calm] = [value(), 0];
  while (calm < 20) {
    await new Promise(resolve => setTimeout(resolve, 5));
    calm = value() === last ? calm + 1 : 0;
    last = value();
  }
  return last;
}
