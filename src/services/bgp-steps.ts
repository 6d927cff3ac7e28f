import type {BgpPeer, BgpSpeaker} from '../bgp/bgp-speaker.js';
import {hostPrefix, type Ipv4} from '../ip/ipv4.js';
import type {Step} from './step.js';
import {localOverlay, remoteOverlay, type TunnelSpec} from './tunnel-spec.js';
import type {FormerRun} from './tunnel-steps.js';

/** What the services differ in on the BGP side. */
export interface Routing extends Pick<BgpPeer, 'table' | 'noInstall' | 'noUninstall'> {
  /** Address advertised, and preferred source of what is learned. Absent: nothing is advertised. */
  readonly doublezeroIp?: Ipv4 | undefined;
}

export const bgpPeerAdd = (
  bgp: BgpSpeaker,
  tunnel: string,
  spec: TunnelSpec,
  routing: Routing,
  former: FormerRun,
): Step => ({
  step: 'bgp_peer_add',
  async run() {
    const {doublezeroIp, ...install} = routing;
    await bgp.addPeer({
      tunnel,
      localAddress: localOverlay(spec),
      peerAddress: remoteOverlay(spec),
      localAsn: spec.bgpLocalAsn,
      peerAsn: spec.bgpRemoteAsn,
      nlri: doublezeroIp === undefined ? [] : [hostPrefix(doublezeroIp)],
      routeSource: doublezeroIp,
      resumed: former.survived,
      ...install,
    });
    return () => bgp.deletePeer(tunnel);
  },
});

export const bgpPeerDelete = (bgp: BgpSpeaker, tunnel: string): Step => ({
  step: 'bgp_peer_delete',
  async run() {
    await bgp.deletePeer(tunnel);
    return undefined;
  },
});
