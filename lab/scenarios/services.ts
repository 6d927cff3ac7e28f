import * as record from '../record.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';
import {serviceScenario} from './service.js';

const {remoteOverlay, doublezeroIp, behindDevice, inPrefix, publishedGroups} = addresses;

export const ibrl = serviceScenario({
  summary: 'IBRL: provision → ping → remove',
  name: 'doublezero0',
  spec: specs.ibrl,
  record: record.ibrl,
  pings: [{destination: remoteOverlay}],
});

export const ibrlWithAllocatedIp = serviceScenario({
  summary: 'IBRL with allocated IP: provision → ping from that address → remove',
  name: 'doublezero0',
  spec: specs.ibrlWithAllocatedIp,
  record: record.ibrlWithAllocatedIp,
  pings: [{destination: remoteOverlay, source: doublezeroIp}],
});

export const edgeFiltering = serviceScenario({
  summary: 'edge filtering: provision → ping from a prefix, by its rule and table → remove',
  name: 'doublezero0',
  spec: specs.edgeFiltering,
  record: record.edgeFiltering,
  pings: [{destination: remoteOverlay}, {destination: behindDevice, source: inPrefix}],
});

export const multicastRoutes = serviceScenario({
  summary: 'multicast in the kernel: provision → ping a published group → remove',
  name: 'doublezero1',
  spec: specs.multicast,
  record: record.multicast,
  pings: [{destination: remoteOverlay}, {destination: publishedGroups[0]}],
  async prepare({device}) {
    await device.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts');
  },
});
