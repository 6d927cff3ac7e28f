import type {Role} from '../access/policy.js';

/** What a method asks of its caller: a role, or nothing. */
export type Requirement = Role | 'nothing';

const tunnelService = {
  ProvisionTunnel: 'operator',
  UpdateTunnel: 'operator',
  RemoveTunnel: 'operator',
  GetTunnel: 'viewer',
  ListTunnels: 'viewer',
  WatchTunnels: 'viewer',
  ListRoutes: 'viewer',
  ResolveRoute: 'viewer',
  GetDaemonInfo: 'viewer',
} as const;

// Open to all, so that a probe needs no identity: it tells no more than that a daemon is there, as the connection does.
const health = {Check: 'nothing', List: 'nothing', Watch: 'nothing'} as const;

const reflection = {ServerReflectionInfo: 'viewer'} as const;

const rules = new Map<string, Requirement>(
  Object.entries({
    'doublezero.tunnel.v1.TunnelService': tunnelService,
    'grpc.health.v1.Health': health,
    'grpc.reflection.v1.ServerReflection': reflection,
    'grpc.reflection.v1alpha.ServerReflection': reflection,
  }).flatMap(([service, methods]) =>
    Object.entries(methods).map(([method, role]): [string, Requirement] => [`/${service}/${method}`, role]),
  ),
);

/** By the path of the method, `/package.Service/Method`. A method without a rule is nobody's. */
export const requirementOf = (path: string): Requirement | undefined => rules.get(path);
