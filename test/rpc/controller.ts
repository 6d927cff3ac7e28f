import {
  type CallOptions,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type {DaemonInfo} from '../../src/rpc/generated/doublezero/tunnel/v1/daemon_info.js';
import {RemoveTunnelResponse} from '../../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import type {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {
  type ListRoutesResponse,
  type ListTunnelsResponse,
  ProvisionTunnelRequest,
  RemoveTunnelRequest,
  type ResolveRouteResponse,
  type TunnelServiceClient,
  UpdateTunnelRequest,
} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {ServiceType, type TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {SpecInput} from '../../src/tunnels/spec-parse.js';
import {samples} from '../samples.js';
import {detailsOf} from './plumbing.js';

/** An error as it came over the wire, its details decoded. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** Name of the code: `NOT_FOUND`. */
  readonly code: string;
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** Names of the wrong fields, in the order of the answer. */
  readonly fields: string[];
  /** The steps of a teardown that left something behind. */
  readonly steps: RemoveTunnelResponse['steps'] | undefined;

  constructor({code, details, metadata}: StatusObject) {
    super(details);
    this.code = status[code];
    const {
      errorInfo,
      violations = [],
      of,
    } = metadata.get('grpc-status-details-bin').length > 0 ? detailsOf(metadata) : {of: () => undefined};
    const report = of('doublezero.tunnel.v1.RemoveTunnelResponse');
    this.reason = errorInfo?.domain === 'doublezero.tunnel' ? errorInfo.reason : undefined;
    this.metadata = errorInfo?.metadata;
    this.fields = violations.map(({field}) => field);
    this.steps = report && RemoveTunnelResponse.decode(report).steps;
  }
}

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** Leave early: a deadline, or a signal whose abort cancels the call. */
export interface Patience {
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

type Spec = Partial<TunnelSpec> | undefined;

/** The generated client with promises, and defaults for what a call leaves out. */
export function controllerOf(client: TunnelServiceClient) {
  const call = <Request, Response>(method: Method<Request, Response>, request: Request, patience: Patience = {}) =>
    new Promise<Response>((resolve, reject) => {
      const {deadline = Date.now() + 30_000, signal} = patience;
      const running = method.call(client, request, new Metadata(), {deadline}, (error, response) =>
        error ? reject(new Refusal(error)) : resolve(response),
      );
      signal?.addEventListener('abort', () => running.cancel());
    });
  return {
    provision: (spec: Spec, request: Partial<ProvisionTunnelRequest> = {}, patience?: Patience) =>
      call<ProvisionTunnelRequest, Tunnel>(
        client.provisionTunnel,
        ProvisionTunnelRequest.fromPartial({...request, spec}),
        patience,
      ),
    update: (spec: Spec, request: Partial<UpdateTunnelRequest> = {}, patience?: Patience) =>
      call<UpdateTunnelRequest, Tunnel>(
        client.updateTunnel,
        UpdateTunnelRequest.fromPartial({...request, spec}),
        patience,
      ),
    remove: (name: string, request: Partial<RemoveTunnelRequest> = {}, patience?: Patience) =>
      call<RemoveTunnelRequest, RemoveTunnelResponse>(
        client.removeTunnel,
        RemoveTunnelRequest.fromPartial({...request, name}),
        patience,
      ),
    get: (name: string, patience?: Patience) => call<{name: string}, Tunnel>(client.getTunnel, {name}, patience),
    list: async () => (await call<object, ListTunnelsResponse>(client.listTunnels, {})).tunnels,
    routes: (name = '', pageToken = '') =>
      call<object, ListRoutesResponse>(client.listRoutes as Method<object, ListRoutesResponse>, {
        name,
        pageSize: 0,
        pageToken,
      }),
    resolve: (destination: string) =>
      call<{destination: string}, ResolveRouteResponse>(client.resolveRoute, {destination}),
    info: () => call<object, DaemonInfo>(client.getDaemonInfo, {}),
  };
}

export type Controller = ReturnType<typeof controllerOf>;

const serviceTypes: Record<string, ServiceType> = {
  ibrl: ServiceType.SERVICE_TYPE_IBRL,
  ibrlWithAllocatedIp: ServiceType.SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP,
  edgeFiltering: ServiceType.SERVICE_TYPE_EDGE_FILTERING,
  multicast: ServiceType.SERVICE_TYPE_MULTICAST,
};

const onTheWire = ({serviceType, ...sample}: SpecInput): TunnelSpec => ({
  ...sample,
  serviceType: serviceTypes[serviceType] ?? ServiceType.SERVICE_TYPE_UNSPECIFIED,
  doublezeroPrefixes: [...sample.doublezeroPrefixes],
  mcastPubGroups: [...sample.mcastPubGroups],
  mcastSubGroups: [...sample.mcastSubGroups],
});

/** The samples as a controller sends them. */
export const specs = Object.fromEntries(
  Object.entries(samples).map(([name, sample]) => [name, onTheWire(sample)]),
) as Record<keyof typeof samples, TunnelSpec>;
