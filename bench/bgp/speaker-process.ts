/** Our speaker with one peer, in the namespace it is started in. Answers `memory` on its channel; `feed.ts` starts it. */

import {Speaker} from '../../src/bgp/speaker.js';
import {ipv4} from '../../src/ip/ipv4.js';
import {KernelNetlinker} from '../../src/netlink/kernel.js';
import {routeTable} from '../../src/netlink/netlinker.js';
import {createLogger} from '../../src/telemetry/logger.js';

const netlinker = await KernelNetlinker.open();
const speaker = new Speaker({netlinker, log: createLogger({level: 'error'})});
await speaker.addPeer({
  tunnel: 'doublezero0',
  localAddress: ipv4(0xa9fe0001),
  peerAddress: ipv4(0xa9fe0000),
  localAsn: 65000,
  peerAsn: 65001,
  nlri: [],
  routeSource: ipv4(0xc0000201),
  table: routeTable.main,
  noInstall: false,
  noUninstall: false,
  resumed: false,
});
process.on('message', () => {
  globalThis.gc?.();
  process.send?.(process.memoryUsage().rss);
});
process.send?.('ready');
