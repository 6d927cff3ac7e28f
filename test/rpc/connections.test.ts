import type {ServiceError} from '@grpc/grpc-js';
import test from 'ava';
import {BoundPolicy} from '../../src/access/bound-policy.js';
import {fixed} from '../../src/access/policy.js';
import type {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {answer, detailsOf, serve, temporaryFolder} from './plumbing.js';

const policy = fixed(new BoundPolicy([{role: 'viewer', identities: ['uid:1000']}]));

test('each connection has a caller of its own, though all come through one socket', async t => {
  await using folder = await temporaryFolder();
  const uids = [1000, 2000, 1000, 3000];
  const localCaller = () =>
    ({kind: 'local', uid: uids.shift() ?? 0, gids: [], pid: 4711, program: 'controller'}) as const;
  const listTunnels = {handle: () => ({tunnels: []})};
  const addresses = [parseListenAddress(`unix:${folder.path}/d.sock`)];
  await using world = await serve({listTunnels}, {addresses, policy, localCaller});
  const [address = ''] = world.server.addresses;
  const clients: TunnelServiceClient[] = [];
  const callBy = (client: TunnelServiceClient) =>
    answer<unknown>(done => client.listTunnels({}, done)).then(
      () => 'let in',
      (error: ServiceError) => detailsOf(error.metadata).errorInfo?.metadata.identity,
    );
  for (let count = 0; count < 4; count++) {
    const client = world.connect(address);
    clients.push(client);
    await callBy(client); // so that they connect one after the other
  }
  const callers = () => Promise.all(clients.map(callBy));
  t.deepEqual(await callers(), ['let in', 'uid:2000', 'let in', 'uid:3000']);
  clients.shift()?.close();
  t.deepEqual(await callers(), ['uid:2000', 'let in', 'uid:3000']);
});
