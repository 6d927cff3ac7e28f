import {ServiceType, type TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {endpoints, type SlotName, slotOf} from './specs.js';

const {
  SERVICE_TYPE_IBRL: ibrl,
  SERVICE_TYPE_EDGE_FILTERING: edgeFiltering,
  SERVICE_TYPE_MULTICAST: multicast,
} = ServiceType;

/** A line in the form of `kernelState`. */
const line = (what: string, fields: Readonly<Record<string, string | number | undefined>>): string =>
  `${what} ${JSON.stringify(Object.entries(fields).filter(([, value]) => value !== undefined))}`;

const overlayOf = ({tunnelNet}: TunnelSpec) => {
  const endpoint = endpoints.find(({net}) => net === tunnelNet);
  if (!endpoint) throw new TypeError(`no endpoint has ${tunnelNet}`);
  return endpoint;
};

const octets = (address: string): number =>
  address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);

/** `ip` writes a host route without its length. */
const destination = (prefix: string): string => prefix.replace(/\/32$/, '');

/** The address of ours that sits on the tunnel. */
export const serviceAddress = ({serviceType, doublezeroIp}: TunnelSpec): string | undefined =>
  serviceType === ibrl || doublezeroIp === '' ? undefined : doublezeroIp;

function routes(spec: TunnelSpec, device: SlotName): string[] {
  const {local, remote} = overlayOf(spec);
  const via = (dst: string, table: number, protocol: number, prefsrc?: string): string =>
    line('route', {
      type: '1',
      dst,
      gateway: remote,
      dev: device,
      table: `${table}`,
      protocol: `${protocol}`,
      scope: '0',
      prefsrc,
    });
  const subscribed = spec.mcastSubGroups.filter(group => !spec.mcastPubGroups.includes(group));
  return [
    line('route', {
      type: '1',
      dst: spec.tunnelNet,
      dev: device,
      table: '254',
      protocol: '2',
      scope: '253',
      prefsrc: local,
    }),
    ...(spec.serviceType === edgeFiltering ? [via('default', 101, 3, spec.doublezeroIp)] : []),
    ...spec.mcastPubGroups.map(group => via(group, 254, 4, spec.doublezeroIp)),
    ...subscribed.map(group => via(group, 254, 4)),
  ];
}

function rules({doublezeroPrefixes}: TunnelSpec): string[] {
  return doublezeroPrefixes.flatMap(prefix => {
    const [address, length] = prefix.split('/');
    return [
      line('rule', {priority: 100, src: 'all', dst: address, dstlen: Number(length), table: '100'}),
      line('rule', {priority: 101, src: address, srclen: Number(length), table: '101'}),
    ];
  });
}

/** What is in the kernel of a tunnel, as `spec/kernel-state.md` has it and without a look at the daemon's own idea of it. */
export function expectedState(spec: TunnelSpec): string[] {
  const device = slotOf(spec);
  const {tunnelSrc, tunnelDst} = spec;
  const address = serviceAddress(spec);
  const alias = {name: device, local: octets(tunnelSrc), remote: octets(tunnelDst), ttl: 64, mtu: 1476};
  return [
    `${device} up mtu 1476 veth ${JSON.stringify(alias)}`,
    line(device, {local: overlayOf(spec).local, prefixlen: 31, scope: '253'}),
    ...(address === undefined ? [] : [line(device, {local: address, prefixlen: 32, scope: '0'})]),
    ...rules(spec),
    ...routes(spec, device),
  ];
}

/** A learned prefix in the kernel; `undefined` where the service installs none. */
export function learnedRoute(spec: TunnelSpec, prefix: string): string | undefined {
  if (spec.serviceType === multicast) return undefined;
  const table = spec.serviceType === edgeFiltering ? '100' : '254';
  const {remote: gateway} = overlayOf(spec);
  const fields = {type: '1', dst: destination(prefix), gateway, dev: slotOf(spec), table, protocol: '186', scope: '0'};
  return line('route', {...fields, prefsrc: spec.doublezeroIp});
}
