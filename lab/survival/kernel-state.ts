import type {Namespace} from '../namespace.js';

type Json = Readonly<Record<string, unknown>>;

const pick = (from: Json, names: readonly string[]): string =>
  JSON.stringify(names.map(name => [name, from[name]]).filter(([, value]) => value !== undefined));

const dump = async (namespace: Namespace, ...args: string[]): Promise<Json[]> =>
  JSON.parse((await namespace.ip('-j', '-N', ...args)) || '[]');

/**
 * What a namespace has of DoubleZero, by `ip -j`: equal for kernels that do the same, whatever the indices. IPv6, which
 * the kernel sees to by itself, and the local table are left out.
 */
export async function kernelState(namespace: Namespace): Promise<string[]> {
  const [links, rules, routes] = await Promise.all([
    dump(namespace, '-d', '-4', 'addr', 'show'),
    dump(namespace, '-4', 'rule', 'show'),
    dump(namespace, '-d', '-4', 'route', 'show', 'table', 'all'),
  ]);
  const ours = links.filter(({ifname}) => /^doublezero\d$/.test(String(ifname)));
  return [
    ...ours.map(({flags, linkinfo, ...link}) => {
      const {info_kind, info_data} = (linkinfo ?? {}) as {info_kind?: string; info_data?: Json};
      const isUp = (flags as string[]).includes('UP');
      const tunnel = info_kind === 'gre' && pick(info_data ?? {}, ['local', 'remote', 'ttl', 'pmtudisc']);
      return `${link.ifname} ${isUp ? 'up' : 'down'} mtu ${link.mtu} ${info_kind} ${tunnel || link.ifalias}`;
    }),
    ...ours.flatMap(({ifname, addr_info}) =>
      (addr_info as Json[]).map(address => `${ifname} ${pick(address, ['local', 'prefixlen', 'scope'])}`),
    ),
    ...rules.map(
      rule => `rule ${pick(rule, ['priority', 'src', 'srclen', 'dst', 'dstlen', 'table', 'action', 'protocol'])}`,
    ),
    ...routes
      .filter(({table}) => table !== '255')
      .map(route => `route ${pick(route, ['type', 'dst', 'gateway', 'dev', 'table', 'protocol', 'scope', 'prefsrc'])}`),
  ].sort();
}
