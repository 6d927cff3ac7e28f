import type {BgpSpeaker, LearnedRoute} from '../bgp/bgp-speaker.js';
import {formatPrefix, hasHostBits, type Ipv4Prefix, parsePrefix} from '../ip/ipv4.js';
import {InvalidArgument} from '../tunnels/errors.js';

/** A learned route and the tunnel it was learned through. */
export interface TunnelRoute extends LearnedRoute {
  readonly tunnel: string;
}

export interface RoutesPage {
  readonly routes: readonly TunnelRoute[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

const defaultPageSize = 1000;
const largestPageSize = 10_000;

/**
 * One page of the routes of these tunnels, in the order of tunnel and prefix. The token names the last route of the page
 * before, so routes that come and go meanwhile shift nothing. Throws `InvalidArgument` for a token that is none of ours.
 */
export function pageOfRoutes(
  bgp: Pick<BgpSpeaker, 'routes'>,
  tunnels: readonly string[],
  {pageSize, pageToken}: {readonly pageSize: number; readonly pageToken: string},
): RoutesPage {
  const limit = Math.min(pageSize || defaultPageSize, largestPageSize);
  const from = pageToken === '' ? undefined : parseToken(pageToken);
  const routes: TunnelRoute[] = [];
  for (const tunnel of tunnels) {
    if (from && tunnel < from.tunnel) continue;
    const after = tunnel === from?.tunnel ? from.prefix : undefined;
    // One more than fits tells whether there is a next page.
    const found = bgp.routes(tunnel, {after, limit: limit + 1 - routes.length});
    routes.push(...found.map(route => ({...route, tunnel})));
  }
  const page = routes.slice(0, limit);
  const last = page.at(-1);
  return {routes: page, nextPageToken: last && routes.length > limit ? formatToken(last) : ''};
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');

const formatToken = ({tunnel, prefix}: TunnelRoute): string => encode(`${tunnel} ${formatPrefix(prefix)}`);

function parseToken(token: string): {tunnel: string; prefix: Ipv4Prefix} {
  const text = Buffer.from(token, 'base64url').toString();
  const [tunnel = '', prefixText = '', ...rest] = text.split(' ');
  const prefix = parsePrefix(prefixText);
  // Decoding leaves out what is no base64url, so only encoding again tells.
  const isOurs = prefix && !hasHostBits(prefix) && tunnel !== '' && rest.length === 0 && encode(text) === token;
  if (!isOurs) {
    throw new InvalidArgument([{field: 'page_token', description: 'is none that ListRoutes gave out'}]);
  }
  return {tunnel, prefix};
}
