import {once} from 'node:events';
import {credentials} from '@grpc/grpc-js';
import test from 'ava';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {TunnelServer} from '../../src/rpc/tunnel-server.js';
import {openAccess} from './access.js';
import {answer, loopback, recordingLog, rpcsOf} from './plumbing.js';
import {rawConnect} from './raw-http2.js';

const listen = () =>
  TunnelServer.listen({
    ...openAccess(),
    addresses: [loopback()],
    rpcs: rpcsOf({getTunnel: {handle: () => Tunnel.create({name: 'doublezero0'})}}),
    log: recordingLog().log,
  });

test('who calls before the server serves is answered when it does', async t => {
  const server = await listen();
  const [address = ''] = server.addresses;
  const client = new TunnelServiceClient(address, credentials.createInsecure());
  let isServing = false;
  const early = answer<Tunnel>(done => client.getTunnel({name: 'doublezero0'}, done)).then(() => isServing);
  const hasty = await rawConnect(address);
  hasty.write('PRI'); // the one before it is connected by the time this one is
  hasty.resetAndDestroy();
  isServing = true;
  server.serve();
  t.true(await early);
  client.close();
  await server.close();
});

test('a server that never served closes those who wait', async t => {
  const server = await listen();
  const waiting = await rawConnect(server.addresses[0] ?? '');
  const closed = once(waiting, 'close');
  await Promise.all([server.close(), closed]);
  t.pass();
});
