import {isMulticast} from '../ip/ipv4.js';
import {type InterfaceAddress, type Netlinker, type Route, routeProtocol, routeTable} from '../netlink/netlinker.js';
import {isAmong, isSameAddress, type KernelState, routeIdentity} from './kernel-state.js';
import {ignoreMissing, runAllOrNothing, type Step} from './step.js';
import {type FormerRun, ifOwn} from './tunnel-steps.js';

/**
 * Takes off a device that is already there what a former service or another spec left on it. Nothing that the service
 * wants is touched: programs that use it notice nothing. What it found it notes in `former`, for the steps after it.
 */
export const adopt = (netlinker: Netlinker, wanted: KernelState, former: FormerRun): Step => ({
  step: 'adopt',
  async run() {
    const {name} = wanted.device;
    former.link = await netlinker.link(name);
    const link = ifOwn(former.link, wanted.device);
    if (!link) return undefined;
    const addresses = await netlinker.addresses(name);
    const routes = await netlinker.routes({interface: name});
    former.addresses = wanted.addresses.filter(address => addresses.some(other => isSameAddress(address, other)));
    former.routes = wanted.routes.filter(isAmong(routes));
    former.survived = link.adminUp && former.addresses.length === wanted.addresses.length;
    const strays = routes.filter(isStrayBeside(wanted));
    return runAllOrNothing([
      ...(strays.length > 0 ? [straysDelete(netlinker, strays)] : []),
      ...addresses
        .filter(address => !wanted.addresses.some(other => isSameAddress(address, other)))
        .map(address => addressDelete(netlinker, name, address)),
    ]);
  },
});

/**
 * What only a service of ours would have made, and this one does not want. Routes that somebody else has put over our
 * device are theirs; those the kernel made go with the address.
 */
function isStrayBeside({routes, peer, learnedRoutesTable}: KernelState): (route: Route) => boolean {
  const wanted = new Set(routes.map(routeIdentity));
  const {main, edgeFilteringInbound, edgeFilteringOutbound} = routeTable;
  return route => {
    const {protocol, table, destination, gateway} = route;
    const isLearned = protocol === routeProtocol.bgp && (table === main || table === edgeFilteringInbound);
    if (isLearned) return table !== learnedRoutesTable || gateway !== peer;
    const isDefault = protocol === routeProtocol.boot && table === edgeFilteringOutbound && destination.length === 0;
    const isGroup = protocol === routeProtocol.static && table === main && isMulticast(destination.address);
    return (isDefault || isGroup) && !wanted.has(routeIdentity(route));
  };
}

const addressDelete = (netlinker: Netlinker, name: string, address: InterfaceAddress): Step => ({
  step: 'address_delete',
  async run() {
    await ignoreMissing(netlinker.addressDelete(name, address));
    return () => netlinker.addressAdd(name, address);
  },
});

/** In one go: a whole table that a former service learned may be among them. */
const straysDelete = (netlinker: Netlinker, strays: readonly Route[]): Step => ({
  step: 'strays_delete',
  async run() {
    const [refused] = (await netlinker.routesDelete(strays)).filter(({error}) => error.kind !== 'missing');
    if (refused) throw refused.error;
    return async () => {
      const [failed] = await netlinker.routesReplace(strays);
      if (failed) throw failed.error;
    };
  },
});
