import {edgeFiltering} from './edge-filtering.js';
import {ibrl, ibrlWithAllocatedIp} from './ibrl.js';
import {multicast} from './multicast.js';
import type {Strategy} from './strategy.js';
import type {ServiceType} from './tunnel-spec.js';

export const strategies: Readonly<Record<ServiceType, Strategy>> = {
  ibrl,
  ibrlWithAllocatedIp,
  edgeFiltering,
  multicast,
};

export const strategyFor = ({serviceType}: {readonly serviceType: ServiceType}): Strategy => strategies[serviceType];

/** What a crash may have left in a slot is known by the slot, whichever of its services it was. */
export const sweepOf = (slotName: string): Strategy['sweep'] | undefined =>
  Object.values(strategies).find(({interfaceName}) => interfaceName === slotName)?.sweep;

/** Interfaces of the slots: one for the unicast services, one for multicast. */
export const slotNames = [...new Set(Object.values(strategies).map(({interfaceName}) => interfaceName))];
