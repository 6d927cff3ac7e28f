import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import {connect as connectSocket} from 'node:net';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {type ClientReadableStream, credentials, loadPackageDefinition, type ServiceError, status} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';
import test from 'ava';
import {protoPath as healthProto} from 'grpc-health-check';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelEvent} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {answer, deferred, detailsOf, endOf, serve, temporaryFolder} from './plumbing.js';

const name = 'doublezero0';

/** A server with one GetTunnel under way, which ends when `finish` is called. */
async function serveRunningCall(options: Parameters<typeof serve>[1] = {}) {
  const [began, finished] = [deferred(), deferred()];
  const world = await serve(
    {
      getTunnel: {
        async handle() {
          began.resolve();
          await finished.promise;
          return Tunnel.create({name});
        },
      },
    },
    options,
  );
  const call = answer<Tunnel>(done => world.client.getTunnel({name}, done));
  call.catch(() => {}); // judged by the test, perhaps after it has failed
  await began.promise;
  return {...world, call, finish: finished.resolve};
}

function watchHealth(address: string): ClientReadableStream<{status: string}> {
  const {grpc} = loadPackageDefinition(loadSync(healthProto, {enums: String})) as never as HealthPackage;
  return new grpc.health.v1.Health(address, credentials.createInsecure()).watch({service: ''});
}
interface HealthPackage {
  grpc: {health: {v1: {Health: new (...args: unknown[]) => {watch(request: object): ClientReadableStream<never>}}}};
}

test('health turns NOT_SERVING for those who watch, while calls are still answered', async t => {
  await using world = await serveRunningCall();
  const watch = watchHealth(world.server.addresses[0] ?? '');
  watch.on('error', () => {});
  t.like((await once(watch, 'data'))[0], {status: 'SERVING'});
  world.server.stopServing();
  t.like((await once(watch, 'data'))[0], {status: 'NOT_SERVING'});
  world.finish();
  t.like(await world.call, {name});
  t.like(await answer<Tunnel>(done => world.client.getTunnel({name}, done)), {name});
});

test('closing waits for a running call, and takes no new ones meanwhile', async t => {
  await using world = await serveRunningCall();
  const [address = ''] = world.server.addresses;
  let isClosed = false;
  const closing = world.server.close().then(() => {
    isClosed = true;
  });
  const late = await t.throwsAsync<ServiceError>(answer(done => world.connect(address).getTunnel({name}, done)));
  t.is(late.code, status.UNAVAILABLE);
  t.false(isClosed);
  world.finish();
  t.like(await world.call, {name});
  await closing;
});

test('a call that does not end is cut off when the time of grace is over', async t => {
  await using world = await serveRunningCall({graceMs: 50});
  await world.server.close();
  const error = await t.throwsAsync<ServiceError>(world.call);
  // What it is called depends on whether the reset of the stream or of the connection is seen first.
  t.true([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL].includes(error.code), status[error.code]);
  world.finish();
});

test('streams end with UNAVAILABLE and the reason DRAINING, and their handlers end too', async t => {
  const handlerEnded = deferred();
  await using world = await serve({
    watchTunnels: {
      async *handle(_request, {signal}) {
        try {
          yield TunnelEvent.create({resumeToken: '1'});
          await once(signal, 'abort');
        } finally {
          handlerEnded.resolve();
        }
      },
    },
  });
  const watch = world.client.watchTunnels({resumeToken: '', names: []});
  const health = watchHealth(world.server.addresses[0] ?? '');
  await Promise.all([once(watch, 'data'), once(health, 'data')]);
  const ends = Promise.all([endOf(watch), endOf(health)]);
  health.resume();
  watch.resume();
  await world.server.close();
  for (const error of await ends) {
    t.is(error.code, status.UNAVAILABLE);
    t.like(detailsOf(error.metadata).errorInfo, {reason: 'DRAINING'});
  }
  await t.notThrowsAsync(handlerEnded.promise);
});

test('connections that say nothing do not hold up closing', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'd.sock');
  await using world = await serve({}, {addresses: [parseListenAddress(path)], graceMs: 60_000});
  await promisify(world.client.waitForReady.bind(world.client))(Infinity);
  const silent = connectSocket(path);
  await once(silent, 'connect');
  const ended = once(silent.resume(), 'close');
  await world.server.close();
  await ended;
  t.deepEqual(await readdir(folder.path), []);
});

test('closing twice is closing once', async t => {
  await using world = await serve();
  await Promise.all([world.server.close(), world.server.close()]);
  await t.notThrowsAsync(world.server.close());
});
