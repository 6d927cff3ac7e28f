import {formatIpv4, type Ipv4} from '../ip/ipv4.js';
import {NetlinkError, type Netlinker} from '../netlink/netlinker.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import {InvalidArgument} from './errors.js';
import type {ParsedSpec} from './spec-parse.js';
import type {Tunnel} from './tunnel.js';

/**
 * Fills in the underlay source: that of the running tunnel while its far end stays, so that a change of the host's
 * default route disturbs nothing; else the one the kernel would use.
 */
export async function withUnderlaySource(
  netlinker: Netlinker,
  parsed: ParsedSpec,
  running: Tunnel | undefined,
): Promise<TunnelSpec> {
  const {tunnelDst} = parsed;
  const kept = running?.spec.tunnelDst === tunnelDst ? running.spec.tunnelSrc : undefined;
  const tunnelSrc = parsed.tunnelSrc ?? kept ?? (await sourceTowards(netlinker, tunnelDst));
  if (tunnelSrc === tunnelDst) {
    throw invalid('spec.tunnel_dst', `${formatIpv4(tunnelDst)} is this host's own address; a tunnel needs two ends`);
  }
  return {...parsed, tunnelSrc};
}

async function sourceTowards(netlinker: Netlinker, destination: Ipv4): Promise<Ipv4> {
  try {
    const {source} = await netlinker.routeGet(destination);
    if (source !== undefined) return source;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.kind === 'missing')) throw error;
  }
  const text = formatIpv4(destination);
  throw invalid('spec.tunnel_src', `cannot be derived: this host has no route to tunnel_dst ${text} yet; set it`);
}

const invalid = (field: string, description: string) => new InvalidArgument([{field, description}]);
