import test from 'ava';
import {ipv4} from '../../src/ip/ipv4.js';
import {ordinaryHost} from '../../src/netlink/memory/host.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import type {Netlinker} from '../../src/netlink/netlinker.js';
import {Refusal, specs} from './controller.js';
import {openService} from './service-world.js';

const {ibrl, edgeFiltering, multicast} = specs;
type Service = Awaited<ReturnType<typeof openService>>;
type Expected = Partial<Pick<Refusal, 'code' | 'reason' | 'metadata' | 'fields'>> & {message: RegExp};

/** Asks on a host of its own, and compares all that an answer says; what is not expected must not be there. */
const refuses = test.macro({
  title: (title = '') => title,
  async exec(t, ask: (service: Service) => Promise<unknown>, expected: Expected, host?: Netlinker) {
    await using service = await openService(host);
    const refusal = await t.throwsAsync(ask(service), {instanceOf: Refusal, message: expected.message});
    const {code, reason, metadata, fields} = refusal;
    const {message: _, ...rest} = expected;
    t.deepEqual({code, reason, metadata, fields}, {
      reason: undefined,
      metadata: undefined,
      fields: [],
      ...rest,
    } as never);
  },
});

test(
  'another spec in the slot is TUNNEL_EXISTS with the differing fields',
  refuses,
  async service => {
    await service.provision(ibrl);
    await service.provision({...edgeFiltering, tunnelDst: '192.0.2.7'});
  },
  {
    code: 'ALREADY_EXISTS',
    reason: 'TUNNEL_EXISTS',
    metadata: {
      service_type: 'SERVICE_TYPE_IBRL → SERVICE_TYPE_EDGE_FILTERING',
      tunnel_dst: '192.0.2.2 → 192.0.2.7',
      doublezero_ip: '192.0.2.1 → 10.99.0.1',
      doublezero_prefixes: '+198.51.100.0/25 +203.0.113.0/24',
    },
    message: /doublezero0 runs another spec/,
  },
);

const notFound = (name: string): Expected => ({
  code: 'NOT_FOUND',
  reason: 'TUNNEL_NOT_FOUND',
  metadata: {name},
  message: new RegExp(`no tunnel ${name}`),
});
test('GetTunnel of an empty slot', refuses, ({get}) => get('doublezero1'), notFound('doublezero1'));
test('GetTunnel of a name that is none', refuses, ({get}) => get('eth0'), notFound('eth0'));
test('UpdateTunnel of an empty slot', refuses, ({update}) => update(multicast), notFound('doublezero1'));
test('RemoveTunnel of an empty slot', refuses, ({remove}) => remove('doublezero0'), notFound('doublezero0'));
test('RemoveTunnel of a name that is none', refuses, ({remove}) => remove('lo'), notFound('lo'));
test('ListRoutes of an empty slot', refuses, ({routes}) => routes('doublezero0'), notFound('doublezero0'));

for (const rpc of ['update', 'remove'] as const) {
  test(`an outdated etag keeps ${rpc} from doing anything`, async t => {
    await using service = await openService();
    const {etag: old} = await service.provision(ibrl);
    const running = await service.update({...ibrl, bgpLocalAsn: 65010});
    const ask = rpc === 'update' ? service.update(ibrl, {etag: old}) : service.remove('doublezero0', {etag: old});
    t.like(await t.throwsAsync(ask, {instanceOf: Refusal}), {
      code: 'ABORTED',
      reason: 'ETAG_MISMATCH',
      metadata: {name: 'doublezero0', etag: running.etag},
    });
    t.deepEqual(await service.get('doublezero0'), running);
  });
}

const hostWithout = (lack: object) =>
  new MemoryNetlinker({...ordinaryHost, capabilities: {...ordinaryHost.capabilities, ...lack}});

test(
  'a kernel without GRE',
  refuses,
  ({provision}) => provision(ibrl),
  {
    code: 'FAILED_PRECONDITION',
    reason: 'GRE_UNSUPPORTED',
    metadata: {operation: 'tunnelAdd', errno: 'EOPNOTSUPP'},
    message: /modprobe ip_gre/,
  },
  hostWithout({gre: false}),
);

test(
  'a daemon without CAP_NET_ADMIN',
  refuses,
  ({provision}) => provision(ibrl),
  {
    code: 'FAILED_PRECONDITION',
    reason: 'MISSING_CAPABILITY',
    metadata: {operation: 'tunnelAdd', errno: 'EPERM'},
    message: /CAP_NET_ADMIN/,
  },
  hostWithout({netAdmin: false}),
);

const dummy = {name: 'doublezero0', kind: 'dummy', mtu: 1500, up: true, addresses: []};
test(
  "somebody else's interface of that name",
  refuses,
  ({provision}) => provision(ibrl),
  {
    code: 'FAILED_PRECONDITION',
    reason: 'INTERFACE_CONFLICT',
    metadata: {interface: 'doublezero0', found: 'of kind dummy'},
    message: /doublezero0 exists and is not ours/,
  },
  new MemoryNetlinker({...ordinaryHost, interfaces: [...ordinaryHost.interfaces, dummy]}),
);

test(
  'an operation that the kernel refuses',
  refuses,
  async ({kernel, provision}) => {
    kernel.fail('addressAdd', 2, 'ENOBUFS');
    await provision(edgeFiltering);
  },
  {
    code: 'INTERNAL',
    reason: 'NETLINK_ERROR',
    metadata: {operation: 'addressAdd', errno: 'ENOBUFS'},
    message: /the kernel refused addressAdd: ENOBUFS/,
  },
);

test(
  'a question that the kernel refuses',
  refuses,
  async ({kernel, resolve}) => {
    kernel.fail('routeGet', 1, 'EINVAL');
    await resolve('198.18.0.1');
  },
  {
    code: 'INTERNAL',
    reason: 'NETLINK_ERROR',
    metadata: {operation: 'routeGet', errno: 'EINVAL'},
    message: /routeGet: EINVAL/,
  },
);

test('a set-up that failed leaves no tunnel, and the next one goes well', async t => {
  await using service = await openService();
  service.kernel.fail('tunnelUp', 1, 'ENOMEM');
  await t.throwsAsync(service.provision(ibrl));
  t.deepEqual(await service.list(), []);
  t.is(await service.kernel.netlinker.link('doublezero0'), undefined);
  t.is((await service.provision(ibrl)).name, 'doublezero0');
});

test('a removal that leaves something behind answers with the report of its steps', async t => {
  await using service = await openService();
  await service.provision(edgeFiltering);
  service.kernel.fail('ruleDelete', 1, 'ENOMEM');
  const refusal = await t.throwsAsync(service.remove('doublezero0'), {instanceOf: Refusal});
  t.like(refusal, {code: 'INTERNAL', reason: 'NETLINK_ERROR', metadata: {operation: 'ruleDelete', errno: 'ENOMEM'}});
  const outcomes = new Map(refusal.steps?.map(({step, ok, error}) => [step, ok ? 'ok' : error]));
  t.is(outcomes.get('rules_delete'), 'ruleDelete: ENOMEM');
  for (const step of ['routes_delete', 'bgp_peer_delete', 'tunnel_down', 'tunnel_delete'])
    t.is(outcomes.get(step), 'ok');
});

const draining: Expected = {code: 'UNAVAILABLE', reason: 'DRAINING', metadata: {}, message: /shutting down/};
const changes: Record<string, (service: Service) => Promise<unknown>> = {
  ProvisionTunnel: ({provision}) => provision(ibrl),
  UpdateTunnel: ({update}) => update(ibrl, {allowMissing: true}),
  RemoveTunnel: ({remove}) => remove('doublezero0', {allowMissing: true}),
};
for (const [rpc, ask] of Object.entries(changes)) {
  test(
    `${rpc} is refused while the daemon drains`,
    refuses,
    async service => {
      await service.manager.drain({teardown: false});
      await ask(service);
    },
    draining,
  );
}

test('reads are answered while the daemon drains', async t => {
  await using service = await openService();
  const tunnel = await service.provision(ibrl);
  await service.manager.drain({teardown: false});
  t.deepEqual(await service.list(), [tunnel]);
});

const invalid = (fields: string[], message: RegExp): Expected => ({code: 'INVALID_ARGUMENT', fields, message});

test(
  'the same underlay pair and overlay in both slots',
  refuses,
  async ({provision}) => {
    await provision(ibrl);
    const {tunnelDst, tunnelNet} = ibrl;
    await provision({...multicast, tunnelDst, tunnelNet});
  },
  invalid(['spec.tunnel_dst', 'spec.tunnel_net'], /doublezero0 has the same underlay addresses/),
);

test(
  'both ends of the underlay the same, derived',
  refuses,
  ({provision}) => provision({...ibrl, tunnelSrc: '', tunnelDst: '192.0.2.1', doublezeroIp: '10.99.0.1'}),
  invalid(['spec.tunnel_dst'], /this host's own address/),
);

const onlyLocal = {...ordinaryHost, routes: [], interfaces: ordinaryHost.interfaces.slice(0, 1)};
test(
  'no source to derive',
  refuses,
  ({provision}) => provision({...ibrl, tunnelSrc: ''}),
  invalid(['spec.tunnel_src'], /no route to tunnel_dst 192\.0\.2\.2/),
  new MemoryNetlinker(onlyLocal),
);

test('GetTunnel without a name', refuses, ({get}) => get(''), invalid(['name'], /required/));
test('RemoveTunnel without a name', refuses, ({remove}) => remove(''), invalid(['name'], /required/));
test('a page token that is none', refuses, ({routes}) => routes('', 'x'), invalid(['page_token'], /none that/));
test('ResolveRoute of nothing', refuses, ({resolve}) => resolve(''), invalid(['destination'], /required/));
test('ResolveRoute of IPv6', refuses, ({resolve}) => resolve('::1'), invalid(['destination'], /IPv6/));

test(
  'a taken pair of endpoints is told from a taken name',
  refuses,
  async ({kernel, provision}) => {
    const [local, remote] = [ipv4(0xc0000201), ipv4(0xc0000202)]; // the addresses of `ibrl`
    await kernel.netlinker.tunnelAdd({name: 'gre7', local, remote, ttl: 64, mtu: 1476});
    await provision(ibrl);
  },
  {
    code: 'INTERNAL',
    reason: 'NETLINK_ERROR',
    metadata: {operation: 'tunnelAdd', errno: 'EEXIST'},
    message: /another interface of this host has the same local and remote address/,
  },
);
