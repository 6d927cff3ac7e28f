import type {BgpSpeaker} from '../bgp/bgp-speaker.js';
import type {MulticastSpeaker} from '../multicast/multicast-speaker.js';
import type {Tunnel} from '../tunnels/tunnel.js';
import type {TunnelManager} from '../tunnels/tunnel-manager.js';
import {EventMessages} from './event-messages.js';
import type {DaemonInfo} from './generated/doublezero/tunnel/v1/daemon_info.js';
import {ServiceType, type TunnelSpec} from './generated/doublezero/tunnel/v1/tunnel_spec.js';
import {pageOfRoutes} from './route-pages.js';
import type {TunnelRpcs} from './rpcs.js';
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
      handle: async ({spec, validateOnly}, {signal}) =>
        answer(await manager.provision(toSpecInput(spec), {validateOnly, signal})),
      summary: ({spec, validateOnly}) => ({spec: summaryOf(spec), validate_only: validateOnly}),
    },
    updateTunnel: {
      handle: async ({spec, ...options}, {signal}) =>
        answer(await manager.update(toSpecInput(spec), {...options, signal})),
      summary: ({spec, etag, allowMissing, validateOnly}) => ({
        spec: summaryOf(spec),
        etag,
        allow_missing: allowMissing,
        validate_only: validateOnly,
      }),
    },
    removeTunnel: {
      handle: async ({name, ...options}, {signal}) => fromReport(await manager.remove(name, {...options, signal})),
      summary: ({name, etag, allowMissing}) => ({tunnel: name, etag, allow_missing: allowMissing}),
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
