import {contains, type Ipv4} from '../../ip/ipv4.js';
import type {AddressScope, InterfaceAddress, Route} from '../netlinker.js';
import type {LiveInterface} from './host.js';

/** RT_SCOPE_*: the wider, the smaller. */
const scopes: Record<AddressScope, number> = {universe: 0, site: 200, link: 253, host: 254, nowhere: 255};

/**
 * The address the kernel sends from where a route does not say (inet_select_addr): one of the interface, best of the
 * next hop's subnet, else of any other interface; never one with a narrower scope than the route.
 */
export function sourceFor(
  route: Route,
  destination: Ipv4,
  interfaces: ReadonlyMap<string, LiveInterface>,
): Ipv4 | undefined {
  const limit = scopes[route.gateway === undefined ? 'link' : 'universe'];
  const wideEnough = ({scope}: InterfaceAddress) => scopes[scope] <= limit;
  const own = interfaces.get(route.interface)?.addresses.filter(wideEnough) ?? [];
  const nextHop = route.gateway ?? destination;
  const [first] = own;
  const chosen = own.find(address => contains(address, nextHop)) ?? first;
  if (chosen !== undefined) return chosen.address;
  return [...interfaces.values()]
    .filter(({up}) => up)
    .flatMap(({addresses}) => addresses)
    .find(address => address.scope !== 'link' && wideEnough(address))?.address;
}
