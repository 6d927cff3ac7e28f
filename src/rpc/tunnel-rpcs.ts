import type {BgpSpeaker} from '../bgp/bgp-speaker.js';
import type {MulticastSpeaker} from '../multicast/multicast-speaker.js';
import type {ChangeOptions, Turn} from '../tunnels/change-options.js';
import {TunnelError} from '../tunnels/errors.js';
import type {Tunnel} from '../tunnels/tunnel.js';
import type {TunnelManager} from '../tunnels/tunnel-manager.js';
import {specRequestToJson, stepToJson} from './audit-json.js';
import {EventMessages} from './event-messages.js';
import type {DaemonInfo} from './generated/doublezero/tunnel/v1/daemon_info.js';
import {
  ProvisionTunnelRequest,
  RemoveTunnelRequest,
  UpdateTunnelRequest,
} from './generated/doublezero/tunnel/v1/tunnel_service.js';
import {ServiceType, type TunnelSpec} from './generated/doublezero/tunnel/v1/tunnel_spec.js';
import {pageOfRoutes} from './route-pages.js';
import type {ChangeContext, TunnelRpcs} from './rpcs.js';
import {fromLearnedRoute, fromReport, fromRoute, toSpecInput} from './translation.js';
import {TunnelAnswers} from './tunnel-answers.js';

export interface TunnelRpcsOptions {
  readonly manager: TunnelManager;
  readonly bgp: Pick<BgpSpeaker, 'session' | 'routes'>;
  readonly multicast: Pick<MulticastSpeaker, 'status'>;
  /** What the daemon is, at the time of the call. */
  readonly daemonInfo: () => DaemonInfo;
}

/** The RPCs of TunnelService over the domain. */
export function tunnelRpcs({manager, bgp, multicast, daemonInfo}: TunnelRpcsOptions): TunnelRpcs {
  const answers = new TunnelAnswers(bgp, multicast);
  const events = new EventMessages();
  const answer = (tunnel: Tunnel) => answers.of(tunnel);
  return {
    provisionTunnel: {
      handle: async ({spec, validateOnly}, context) =>
        answer(
          await changing(manager, context, options => manager.provision(toSpecInput(spec), {validateOnly, ...options})),
        ),
      summary: ({spec, validateOnly}) => ({spec: summaryOf(spec), validate_only: validateOnly}),
      toJson: specRequestToJson(ProvisionTunnelRequest.toJSON),
    },
    updateTunnel: {
      handle: async ({spec, ...asked}, context) =>
        answer(await changing(manager, context, options => manager.update(toSpecInput(spec), {...asked, ...options}))),
      toJson: specRequestToJson(UpdateTunnelRequest.toJSON),
      summary: ({spec, etag, allowMissing, validateOnly}) => ({
        spec: summaryOf(spec),
        etag: etag.slice(0, 32),
        allow_missing: allowMissing,
        validate_only: validateOnly,
      }),
    },
    removeTunnel: {
      async handle({name, ...asked}, context) {
        const steps = await changing(manager, context, options => manager.remove(name, {...asked, ...options}));
        context.notes.steps = steps.map(stepToJson);
        return fromReport(steps);
      },
      toJson: RemoveTunnelRequest.toJSON,
      summary: ({name, etag, allowMissing}) => ({
        tunnel: name.slice(0, 32),
        etag: etag.slice(0, 32),
        allow_missing: allowMissing,
      }),
    },
    getTunnel: {handle: ({name}) => answer(manager.get(name)), repeats: true},
    listTunnels: {handle: () => ({tunnels: manager.list().map(answer)})},
    watchTunnels: {
      async *handle(request, {signal, cut}) {
        for await (const event of manager.watch({...request, signal, onOverrun: cut})) yield events.of(event);
      },
      repeats: true,
    },
    listRoutes: {
      handle({name, ...page}) {
        const tunnels = name === '' ? manager.list() : [manager.get(name)];
        const {routes, nextPageToken} = pageOfRoutes(
          bgp,
          tunnels.map(tunnel => tunnel.name),
          page,
        );
        return {routes: routes.map(fromLearnedRoute), nextPageToken};
      },
    },
    resolveRoute: {handle: async ({destination}) => fromRoute(await manager.resolveRoute(destination))},
    getDaemonInfo: {handle: daemonInfo},
  };
}

/**
 * Makes a change in the caller's name: only of tunnels that its role covers, the one that is there among them, and with
 * what becomes of them noted for the audit log.
 */
async function changing<Result>(
  manager: TunnelManager,
  {signal, permit, notes}: ChangeContext,
  change: (options: ChangeOptions) => Promise<Result>,
): Promise<Result> {
  const etagOf = (name: string) => manager.list().find(tunnel => tunnel.name === name)?.etag;
  let changed: string | undefined;
  const onTurn = ({name, current, wanted}: Turn) => {
    changed = name;
    notes.etagBefore = current?.etag;
    for (const spec of [current?.spec, wanted]) if (spec) permit({service: spec.serviceType, interface: name});
  };
  try {
    return await change({signal, onTurn});
  } catch (error) {
    if (error instanceof TunnelError && error.report) notes.steps = error.report.map(stepToJson);
    throw error;
  } finally {
    if (changed !== undefined) notes.etagAfter = etagOf(changed);
  }
}

/** A spec for the log: short, however many groups and prefixes the caller sent. */
function summaryOf(spec: TunnelSpec | undefined): Record<string, unknown> {
  if (!spec) return {};
  return {
    service_type: ServiceType[spec.serviceType] ?? spec.serviceType,
    tunnel_src: spec.tunnelSrc.slice(0, 32),
    tunnel_dst: spec.tunnelDst.slice(0, 32),
    tunnel_net: spec.tunnelNet.slice(0, 32),
    doublezero_ip: spec.doublezeroIp.slice(0, 32),
    prefixes: spec.doublezeroPrefixes.length,
    pub_groups: spec.mcastPubGroups.length,
    sub_groups: spec.mcastSubGroups.length,
  };
}
