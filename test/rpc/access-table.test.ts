import {type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import {BoundPolicy} from '../../src/access/bound-policy.js';
import {defaultPolicy} from '../../src/access/default-policy.js';
import {fixed, type Policy} from '../../src/access/policy.js';
import {parsePolicy} from '../../src/access/policy-parser.js';
import {DaemonInfo} from '../../src/rpc/generated/doublezero/tunnel/v1/daemon_info.js';
import {RemoveTunnelResponse} from '../../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelEvent} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {
  ListRoutesResponse,
  ListTunnelsResponse,
  ResolveRouteResponse,
  TunnelServiceService,
} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import type {TunnelRpcs} from '../../src/rpc/rpcs.js';
import {
  type CallerKind,
  callEmpty,
  callers,
  identities,
  type Method,
  ownUid,
  serveCaller,
  socketGid,
} from './access-world.js';
import {detailsOf} from './plumbing.js';

/** What each method needs. A method of the service that is not here fails the test below. */
const needs: Readonly<Record<string, 'nothing' | 'viewer' | 'operator'>> = {
  '/doublezero.tunnel.v1.TunnelService/ProvisionTunnel': 'operator',
  '/doublezero.tunnel.v1.TunnelService/UpdateTunnel': 'operator',
  '/doublezero.tunnel.v1.TunnelService/RemoveTunnel': 'operator',
  '/doublezero.tunnel.v1.TunnelService/GetTunnel': 'viewer',
  '/doublezero.tunnel.v1.TunnelService/ListTunnels': 'viewer',
  '/doublezero.tunnel.v1.TunnelService/WatchTunnels': 'viewer',
  '/doublezero.tunnel.v1.TunnelService/ListRoutes': 'viewer',
  '/doublezero.tunnel.v1.TunnelService/ResolveRoute': 'viewer',
  '/doublezero.tunnel.v1.TunnelService/GetDaemonInfo': 'viewer',
  '/grpc.health.v1.Health/Check': 'nothing',
  '/grpc.health.v1.Health/List': 'nothing',
  '/grpc.health.v1.Health/Watch': 'nothing',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'viewer',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'viewer',
};

const standard = (path: string, requestStream: boolean, responseStream: boolean): Method => ({
  path,
  requestStream,
  responseStream,
});
const methods: readonly Method[] = [
  ...Object.values(TunnelServiceService),
  standard('/grpc.health.v1.Health/Check', false, false),
  standard('/grpc.health.v1.Health/List', false, false),
  standard('/grpc.health.v1.Health/Watch', false, true),
  standard('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', true, true),
  standard('/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', true, true),
];

type Standing = 'nobody' | 'viewer' | 'operator';

interface Case {
  readonly policy: Policy;
  readonly standing: Readonly<Record<CallerKind, Standing>>;
}

function written(text: string): Policy {
  const {bindings, faults} = parsePolicy(text);
  if (faults.length > 0) throw new Error(faults.map(fault => fault.text).join('\n'));
  return new BoundPolicy(bindings);
}

const cases: Readonly<Record<string, Case>> = {
  'without a policy': {
    policy: defaultPolicy({uid: ownUid, socketGid: () => socketGid}),
    standing: {
      root: 'operator',
      'the daemon’s own user': 'operator',
      'a member of the socket’s group': 'viewer',
      'another user': 'nobody',
      'a user bound by uid': 'nobody',
      'a user bound by gid': 'nobody',
      anonymous: 'nobody',
      'a SPIFFE ID': 'nobody',
      'another SPIFFE ID': 'nobody',
      'a DNS name': 'nobody',
      'a common name': 'nobody',
    },
  },
  'with a policy': {
    policy: written(`
bindings:
  - role: operator
    identities: ["spiffe://example.org/controller/*", "uid:1000", "cn:legacy"]
  - role: viewer
    identities: ["dns:*.example.org", "gid:27"]
`),
    standing: {
      root: 'nobody',
      'the daemon’s own user': 'nobody',
      'a member of the socket’s group': 'nobody',
      'another user': 'nobody',
      'a user bound by uid': 'operator',
      'a user bound by gid': 'viewer',
      anonymous: 'nobody',
      'a SPIFFE ID': 'operator',
      'another SPIFFE ID': 'nobody',
      'a DNS name': 'viewer',
      'a common name': 'operator',
    },
  },
  'with a policy for who shows nothing': {
    policy: written(`
bindings:
  - role: viewer
    identities: [anonymous, "uid:0"]
`),
    standing: {
      root: 'viewer',
      'the daemon’s own user': 'nobody',
      'a member of the socket’s group': 'nobody',
      'another user': 'nobody',
      'a user bound by uid': 'nobody',
      'a user bound by gid': 'nobody',
      anonymous: 'viewer',
      'a SPIFFE ID': 'nobody',
      'another SPIFFE ID': 'nobody',
      'a DNS name': 'nobody',
      'a common name': 'nobody',
    },
  },
  'with an empty policy': {
    policy: new BoundPolicy([]),
    standing: Object.fromEntries(callers.map(caller => [caller, 'nobody'])) as Record<CallerKind, Standing>,
  },
};

/** Handlers that answer, and keep who reached them. */
function answering(reached: string[]): TunnelRpcs {
  const read = <Response>(name: string, response: Response) => ({
    handle() {
      reached.push(name);
      return response;
    },
  });
  const change = <Response>(name: string, response: Response) => ({
    ...read(name, response),
    summary: () => ({}),
    toJson: () => ({}),
  });
  return {
    provisionTunnel: change('ProvisionTunnel', Tunnel.create()),
    updateTunnel: change('UpdateTunnel', Tunnel.create()),
    removeTunnel: change('RemoveTunnel', RemoveTunnelResponse.create()),
    getTunnel: read('GetTunnel', Tunnel.create()),
    listTunnels: read('ListTunnels', ListTunnelsResponse.create()),
    watchTunnels: {
      async *handle() {
        reached.push('WatchTunnels');
        yield TunnelEvent.create();
      },
    },
    listRoutes: read('ListRoutes', ListRoutesResponse.create()),
    resolveRoute: read('ResolveRoute', ResolveRouteResponse.create()),
    getDaemonInfo: read('GetDaemonInfo', DaemonInfo.create()),
  };
}

const isEnough = (standing: Standing, need: 'nothing' | 'viewer' | 'operator'): boolean =>
  need === 'nothing' || standing === 'operator' || standing === need;

const shortName = (path: string): string => path.replace('/doublezero.tunnel.v1.TunnelService/', '').replace(/^\//, '');

for (const [situation, {policy, standing}] of Object.entries(cases)) {
  for (const caller of callers) {
    test(`${situation}: each method, called by ${caller}`, async t => {
      const reached: string[] = [];
      await using world = await serveCaller(caller, fixed(policy), answering(reached));
      for (const method of methods) {
        const {path} = method;
        const need = needs[path];
        if (need === undefined) return t.fail(`${path} has no rule in this test`);
        const own = path.startsWith('/doublezero.');
        reached.length = 0;
        world.records.length = 0;
        const isAllowed = isEnough(standing[caller], need);
        const error = await callEmpty(world.client, method).then(
          () => undefined,
          (refusal: ServiceError) => refusal,
        );
        if (isAllowed) {
          t.is(error, undefined, path);
          if (own) t.deepEqual(reached, [shortName(path)]);
          continue;
        }
        t.deepEqual(reached, [], path);
        const code = caller === 'anonymous' ? 'UNAUTHENTICATED' : 'PERMISSION_DENIED';
        t.is(error && status[error.code], code, path);
        const identity = identities[caller];
        const metadata = {identity, method: shortName(path), role: need};
        t.like(error && detailsOf(error.metadata).errorInfo, {reason: code, domain: 'doublezero.tunnel', metadata});
        t.deepEqual(
          world.records.map(record => [record.method, record.outcome, record.reason]),
          [[shortName(path), code, code]],
        );
      }
    });
  }
}

test('a method without a rule is nobody’s, not even root’s', async t => {
  const {requirementOf} = await import('../../src/rpc/requirements.js');
  t.is(requirementOf('/doublezero.tunnel.v1.TunnelService/NewMethod'), undefined);
  t.is(requirementOf('/doublezero.tunnel.v1.TunnelService/constructor'), undefined);
  for (const {path} of methods) t.is(requirementOf(path), needs[path]);
});
