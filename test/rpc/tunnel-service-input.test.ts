import {once} from 'node:events';
import {Client, credentials, type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import {TunnelServiceService} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import type {TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {Refusal, specs} from './controller.js';
import {answer, endOf} from './plumbing.js';
import {openService} from './service-world.js';

type Wrong = [sample: keyof typeof specs, change: Partial<Record<keyof TunnelSpec, unknown>>, fields: string[]];

// How each value is judged is in test/unit/tunnels/spec-parse.test.ts; here: that the wire carries it there and back.
const notUnicast = ['no address', '2001:db8::1', '233.84.178.1', '127.0.0.1', '0.0.0.0', '255.255.255.255'];
const badNets = ['', '169.254.0.0', '169.254.0.0/30', '169.254.0.0/32', 'fe80::/31', '239.0.0.0/31', '127.0.0.0/31'];
const badPrefixes = ['', '203.0.113.0', '203.0.113.1/24', '2001:db8::/32', '239.0.0.0/8', '0.0.0.0/0'];
const badGroups = ['', 'no address', '10.0.0.1', 'ff02::1', '224.0.0.13'];
const wrong: Wrong[] = [
  ['ibrl', {serviceType: 0}, ['spec.service_type']],
  ['ibrl', {serviceType: 99}, ['spec.service_type']],
  ...notUnicast.flatMap((text): Wrong[] => [
    ['ibrl', {tunnelSrc: text}, ['spec.tunnel_src']],
    ['ibrl', {tunnelDst: text}, ['spec.tunnel_dst']],
    ['ibrl', {doublezeroIp: text}, ['spec.doublezero_ip']],
    ['multicast', {mcastRpAddress: text}, ['spec.mcast_rp_address']],
  ]),
  ['ibrl', {tunnelDst: ''}, ['spec.tunnel_dst']],
  ['ibrl', {tunnelDst: '192.0.2.1'}, ['spec.tunnel_dst']],
  ['ibrl', {doublezeroIp: ''}, ['spec.doublezero_ip']],
  ...badNets.map((text): Wrong => ['ibrl', {tunnelNet: text}, ['spec.tunnel_net']]),
  ['edgeFiltering', {doublezeroPrefixes: []}, ['spec.doublezero_prefixes']],
  ...badPrefixes.map(
    (text): Wrong => [
      'edgeFiltering',
      {doublezeroPrefixes: ['198.51.100.0/24', text]},
      ['spec.doublezero_prefixes[1]'],
    ],
  ),
  ...[23456, 65535, 4294967295].flatMap((asn): Wrong[] => [
    ['ibrl', {bgpLocalAsn: asn}, ['spec.bgp_local_asn']],
    ['ibrl', {bgpRemoteAsn: asn}, ['spec.bgp_remote_asn']],
  ]),
  ...badGroups.flatMap((text): Wrong[] => [
    ['multicast', {mcastPubGroups: [text]}, ['spec.mcast_pub_groups[0]']],
    ['multicast', {mcastSubGroups: ['233.84.178.9', text]}, ['spec.mcast_sub_groups[1]']],
  ]),
  ['multicast', {mcastSubGroups: ['233.84.178.9', '233.84.178.9']}, ['spec.mcast_sub_groups[1]']],
  ['multicast', {mcastPubGroups: [], mcastSubGroups: []}, ['spec.mcast_pub_groups', 'spec.mcast_sub_groups']],
  ['multicast', {doublezeroIp: ''}, ['spec.doublezero_ip']],
  ['ibrl', {mcastPubGroups: ['233.84.178.1']}, ['spec.mcast_pub_groups']],
  ['ibrl', {mcastSubGroups: ['233.84.178.1']}, ['spec.mcast_sub_groups']],
  ['ibrl', {mcastRpAddress: '10.0.0.0'}, ['spec.mcast_rp_address']],
];

test('each wrong field is refused by name, and nothing is done', async t => {
  await using service = await openService();
  for (const [sample, change, fields] of wrong) {
    for (const rpc of ['provision', 'update'] as const) {
      const refusal = await t.throwsAsync(service[rpc]({...specs[sample], ...change} as TunnelSpec), {
        instanceOf: Refusal,
      });
      t.like(refusal, {code: 'INVALID_ARGUMENT', fields}, `${rpc} ${sample} ${JSON.stringify(change)}`);
    }
  }
  t.deepEqual(service.kernel.calls, []);
});

test('all wrong fields are reported at once', async t => {
  await using service = await openService();
  const fields = [
    'spec.service_type',
    'spec.tunnel_dst',
    'spec.tunnel_net',
    'spec.doublezero_ip',
    'spec.bgp_local_asn',
    'spec.mcast_sub_groups[0]',
  ];
  const spec = {
    ...specs.ibrl,
    serviceType: 0,
    tunnelDst: '::1',
    tunnelNet: '',
    doublezeroIp: '127.0.0.1',
    bgpLocalAsn: 23456,
    mcastSubGroups: ['10.0.0.1'],
  };
  t.like(await t.throwsAsync(service.provision(spec)), {code: 'INVALID_ARGUMENT', fields});
});

test('a request without a spec', async t => {
  await using service = await openService();
  for (const rpc of ['provision', 'update'] as const) {
    t.like(await t.throwsAsync(service[rpc](undefined)), {code: 'INVALID_ARGUMENT', fields: ['spec']});
  }
});

const identity = (bytes: Buffer) => bytes;

/** What a call with these bytes for a request ends with; OK for a stream that begins. */
async function send(client: Client, path: string, bytes: Buffer): Promise<status> {
  if (path.endsWith('/WatchTunnels')) {
    const stream = client.makeServerStreamRequest(path, identity, identity, bytes);
    const refused = endOf(stream).then(({code}) => code);
    const code = await Promise.race([refused, once(stream, 'data').then(() => status.OK)]);
    stream.cancel();
    return code;
  }
  const call = answer(done => client.makeUnaryRequest(path, identity, identity, bytes, done as never));
  return call.then(
    () => status.OK,
    ({code}: ServiceError) => code,
  );
}

/** With the bytes, whether they are anything but a message of protobuf. */
const garbage: [what: string, bytes: Buffer, isMessage: boolean][] = [
  ['a tag cut off', Buffer.from([0x80]), false],
  ['a length beyond the end', Buffer.from([0x0a, 0x7f, 0x01]), false],
  ['a negative length', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), false],
  ['an impossible wire type', Buffer.from([0x0f]), false],
  ['0xff', Buffer.alloc(1000, 0xff), false],
  ['groups in groups without end', Buffer.alloc(1_000_000, 0x0b), false],
  ['unknown fields', Buffer.from([0xfa, 0x7f, 0x03, 1, 2, 3]), true],
  ['text that is no UTF-8', Buffer.from([0x0a, 0x02, 0xc3, 0x28]), true],
];

for (const [what, bytes, isMessage] of garbage) {
  test(`${what} for a request leaves the daemon answering`, async t => {
    await using service = await openService();
    const client = new Client(service.address, credentials.createInsecure());
    for (const {path} of Object.values(TunnelServiceService)) {
      const code = await send(client, path, bytes);
      if (!isMessage) t.is(code, status.INTERNAL, path);
      t.deepEqual(await service.list(), []);
    }
    t.is((await service.provision(specs.ibrl)).name, 'doublezero0');
    client.close();
  });
}

test('a message beyond the limit is refused, and the daemon goes on', async t => {
  await using service = await openService();
  const doublezeroPrefixes = Array.from({length: 80_000}, () => '203.0.113.0/24');
  const refusal = await t.throwsAsync(service.provision({...specs.edgeFiltering, doublezeroPrefixes}), {
    instanceOf: Refusal,
  });
  t.is(refusal.code, 'RESOURCE_EXHAUSTED');
  t.deepEqual(await service.list(), []);
});

test('a method that does not exist is UNIMPLEMENTED, and the daemon goes on', async t => {
  await using service = await openService();
  const client = new Client(service.address, credentials.createInsecure());
  for (const path of ['/doublezero.tunnel.v1.TunnelService/Destroy', '/no.such.Service/Get', '/']) {
    t.is(await send(client, path, Buffer.alloc(0)), status.UNIMPLEMENTED);
  }
  t.deepEqual(await service.list(), []);
  client.close();
});

test('a large honest spec fits', async t => {
  await using service = await openService();
  const mcastSubGroups = Array.from({length: 3000}, (_, index) => `233.84.${index >> 8}.${index & 255}`);
  const spec = {...specs.subscriber, mcastSubGroups};
  t.is((await service.provision(spec)).spec?.mcastSubGroups.length, 3000);
});
