import {routeTable} from '../../src/netlink/netlinker.js';
import * as record from '../record.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';
import {serviceScenario} from './service.js';

const {hostUnderlay, remoteOverlay, doublezeroIp, behindDevice, inPrefix, publishedGroups} = addresses;

export const ibrl = serviceScenario({
  summary: 'IBRL: provision → ping → BGP and its routes → remove',
  name: 'doublezero0',
  spec: specs.ibrl,
  record: record.ibrl,
  pings: [{destination: remoteOverlay}],
  learned: {
    table: routeTable.main,
    source: hostUnderlay,
    advertised: `${hostUnderlay}/32`,
    staysWhenWithdrawn: false,
    ping: behindDevice,
  },
});

export const ibrlWithAllocatedIp = serviceScenario({
  summary: 'IBRL with allocated IP: provision → ping from that address → remove',
  name: 'doublezero0',
  spec: specs.ibrlWithAllocatedIp,
  record: record.ibrlWithAllocatedIp,
  pings: [{destination: remoteOverlay, source: doublezeroIp}],
  learned: {
    table: routeTable.main,
    source: doublezeroIp,
    advertised: `${doublezeroIp}/32`,
    staysWhenWithdrawn: true,
    ping: behindDevice,
  },
});

export const edgeFiltering = serviceScenario({
  summary: 'edge filtering: provision → ping from a prefix, by its rule and table → remove',
  name: 'doublezero0',
  spec: specs.edgeFiltering,
  record: record.edgeFiltering,
  pings: [{destination: remoteOverlay}, {destination: behindDevice, source: inPrefix}],
  learned: {
    table: routeTable.edgeFilteringInbound,
    source: doublezeroIp,
    advertised: `${doublezeroIp}/32`,
    staysWhenWithdrawn: false,
  },
});

export const multicastRoutes = serviceScenario({
  summary: 'multicast in the kernel: provision → ping a published group → remove',
  name: 'doublezero1',
  spec: specs.multicast,
  record: record.multicast,
  pings: [{destination: remoteOverlay}, {destination: publishedGroups[0]}],
  learned: {source: doublezeroIp, advertised: `${doublezeroIp}/32`, staysWhenWithdrawn: false},
  async prepare({device}) {
    await device.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts');
  },
});
