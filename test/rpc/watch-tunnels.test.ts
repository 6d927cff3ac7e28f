import type {ClientReadableStream, ServiceError} from '@grpc/grpc-js';
import {status} from '@grpc/grpc-js';
import test from 'ava';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import {NetlinkError} from '../../src/netlink/netlinker.js';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {type TunnelEvent, TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {samples} from '../samples.js';
import {specs} from './controller.js';
import {endOf} from './plumbing.js';
import {latch, openService} from './service-world.js';

const {ibrl, multicast} = specs;

type Service = Awaited<ReturnType<typeof openService>>;

const watch = (service: Service, resumeToken = '', names: string[] = []) => {
  const stream = service.client.watchTunnels({resumeToken, names});
  // Cancelled at the end of each test, which is no failure.
  stream.on('error', () => undefined);
  return stream;
};

/** The next events of a stream, as type, tunnel and reason; the stream stays open. */
async function take(stream: ClientReadableStream<TunnelEvent>, count: number): Promise<TunnelEvent[]> {
  const events: TunnelEvent[] = [];
  const iterator = stream.iterator({destroyOnReturn: false});
  while (events.length < count) {
    const {value, done} = await iterator.next();
    if (done) break;
    events.push(value as TunnelEvent);
  }
  await iterator.return?.(undefined);
  return events;
}

const text = ({type, tunnel}: TunnelEvent) =>
  `${TunnelEventType[type]?.replace('TUNNEL_EVENT_TYPE_', '')}${tunnel ? ` ${tunnel.name}` : ''}`;

test('a watch begins with a snapshot and goes on with every change in order', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  const stream = watch(service);
  t.deepEqual((await take(stream, 2)).map(text), ['SNAPSHOT doublezero0', 'SNAPSHOT_END']);
  await service.provision(multicast);
  await service.remove('doublezero0');
  const events = await take(stream, 4);
  t.deepEqual(events.map(text), [
    'CREATED doublezero1',
    'TEARDOWN_STARTED doublezero0',
    'LINK_DOWN doublezero0',
    'REMOVED doublezero0',
  ]);
  t.deepEqual(events[0]?.tunnel, await service.get('doublezero1'));
  stream.cancel();
});

/** A host on which deleting a tunnel takes until `finish` is opened, and then fails where it is told to. */
class SlowDeletion extends MemoryNetlinker {
  readonly began = latch();
  readonly finish = latch();
  fails = false;

  override async tunnelDelete(name: string): Promise<void> {
    this.began.open();
    await this.finish.opened;
    if (this.fails) throw new NetlinkError('tunnelDelete', 'other', 'EBUSY');
    await super.tunnelDelete(name);
  }
}

test('the link of a teardown is what it is at the time, in events and answers alike', async t => {
  const host = new SlowDeletion();
  await using service = await openService(host);
  await service.provision(ibrl);
  const stream = watch(service);
  await take(stream, 2);
  const removal = service.remove('doublezero0');
  const [started, lowered] = await take(stream, 2);
  t.like(started?.tunnel?.link, {adminUp: true, operState: 'unknown'});
  t.is(lowered && text(lowered), 'LINK_DOWN doublezero0');
  t.like(lowered?.tunnel?.link, {adminUp: false, operState: 'down'});
  await host.began.opened;
  t.deepEqual(await service.get('doublezero0'), lowered?.tunnel);
  host.finish.open();
  await removal;
  const [removed] = await take(stream, 1);
  t.is(removed?.tunnel?.link, undefined);
  stream.cancel();
});

test('a tunnel whose interface cannot be deleted has the link as it was left', async t => {
  const host = new SlowDeletion();
  host.fails = true;
  host.finish.open();
  await using service = await openService(host);
  await service.provision(ibrl);
  await t.throwsAsync(service.remove('doublezero0'));
  const {state, link} = await service.get('doublezero0');
  t.is(state, TunnelState.TUNNEL_STATE_FAILED);
  t.like(link, {adminUp: false});
});

test('an update is one event, whose tunnel is what GetTunnel answers', async t => {
  await using service = await openService();
  await service.provision(multicast);
  const stream = watch(service);
  await take(stream, 2);
  const updated = await service.update({...multicast, mcastSubGroups: ['233.84.178.9']});
  const [event] = await take(stream, 1);
  t.is(event && text(event), 'UPDATED doublezero1');
  t.deepEqual(event?.tunnel, updated);
  t.regex(event?.reason ?? '', /mcast_sub_groups/);
  stream.cancel();
});

test('a token resumes after the event that carried it', async t => {
  await using service = await openService();
  const first = watch(service);
  const [end] = await take(first, 1);
  await service.provision(ibrl);
  const [created] = await take(first, 1);
  first.cancel();
  await service.remove('doublezero0');
  const resumed = watch(service, created?.resumeToken);
  t.deepEqual((await take(resumed, 3)).map(text), [
    'TEARDOWN_STARTED doublezero0',
    'LINK_DOWN doublezero0',
    'REMOVED doublezero0',
  ]);
  resumed.cancel();
  const all = watch(service, end?.resumeToken);
  t.is((await take(all, 4)).length, 4);
  all.cancel();
});

test('half a snapshot cannot be resumed', async t => {
  await using service = await openService();
  await service.provision(ibrl);
  const stream = watch(service);
  const [snapshot, end] = await take(stream, 2);
  t.is(snapshot?.resumeToken, '');
  t.not(end?.resumeToken, '');
  stream.cancel();
});

for (const token of ['of another daemon', Buffer.from('x 1').toString('base64url')]) {
  test(`the unknown token "${token}" starts over with a snapshot`, async t => {
    await using service = await openService();
    await service.provision(ibrl);
    const stream = watch(service, token);
    t.deepEqual((await take(stream, 2)).map(text), ['SNAPSHOT doublezero0', 'SNAPSHOT_END']);
    stream.cancel();
  });
}

test('a token older than the history starts over with a snapshot', async t => {
  await using service = await openService();
  await service.provision(multicast);
  const stream = watch(service);
  const [, end] = await take(stream, 2);
  stream.cancel();
  for (let turn = 0; turn < 4200; turn++) {
    await service.manager.update({...samples.multicast, mcastSubGroups: [`233.84.178.${(turn % 2) + 100}`]});
  }
  const resumed = watch(service, end?.resumeToken);
  t.deepEqual((await take(resumed, 2)).map(text), ['SNAPSHOT doublezero1', 'SNAPSHOT_END']);
  resumed.cancel();
});

test('only the tunnels named are told of', async t => {
  await using service = await openService();
  const stream = watch(service, '', ['doublezero1']);
  await take(stream, 1);
  await service.provision(ibrl);
  await service.provision(multicast);
  t.deepEqual((await take(stream, 1)).map(text), ['CREATED doublezero1']);
  stream.cancel();
});

test('a reader that does not read is cut off with RESOURCE_EXHAUSTED, and can resume', async t => {
  await using service = await openService();
  await service.provision(multicast);
  const slow = service.client.watchTunnels({resumeToken: '', names: []});
  const [, end] = await take(slow, 2);
  slow.pause();
  for (let turn = 0; turn < 3000; turn++) {
    await service.manager.update({...samples.multicast, mcastSubGroups: [`233.84.178.${(turn % 2) + 100}`]});
  }
  slow.resume();
  const error: ServiceError = await endOf(slow);
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  const resumed = watch(service, end?.resumeToken);
  t.deepEqual((await take(resumed, 1)).map(text), ['UPDATED doublezero1']);
  resumed.cancel();
});

test('watchers that are gone cost nothing', async t => {
  await using service = await openService();
  const streams = Array.from({length: 50}, () => watch(service));
  await Promise.all(streams.map(stream => take(stream, 1)));
  for (const stream of streams) stream.cancel();
  await service.provision(ibrl);
  const stream = watch(service);
  t.is((await take(stream, 2)).length, 2);
  stream.cancel();
});
