import {routeTable} from '../netlink/netlinker.js';
import {strategyOf} from './service.js';
import {requireDoublezeroIp} from './tunnel-spec.js';

/** IBRL: the host keeps its own public address, and routes learned over the tunnel prefer it as their source. */
export const ibrl = strategyOf({
  interfaceName: 'doublezero0',
  fields: () => ['doublezero_ip'],
  tunnelAddress: () => undefined,
  rules: () => [],
  routing: spec => ({
    doublezeroIp: requireDoublezeroIp(spec),
    table: routeTable.main,
    noInstall: false,
    noUninstall: false,
  }),
});

/** IBRL with an address of DoubleZero's on the tunnel. Its routes outlive withdrawals: the address has no other way out. */
export const ibrlWithAllocatedIp = strategyOf({
  interfaceName: 'doublezero0',
  fields: () => ['doublezero_ip'],
  tunnelAddress: requireDoublezeroIp,
  rules: () => [],
  routing: spec => ({
    doublezeroIp: requireDoublezeroIp(spec),
    table: routeTable.main,
    noInstall: false,
    noUninstall: true,
  }),
});
