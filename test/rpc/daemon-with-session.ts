/**
 * The daemon, and in its process a BGP speaker with a session to the device that the environment names, as LOCAL, REMOTE and
 * PORT: on its model host the daemon itself calls no device. Takes the daemon's flags.
 */

import {giveUpPrivileges} from '../../src/access/privileges.js';
import {Speaker} from '../../src/bgp/speaker.js';
import {parseIpv4} from '../../src/ip/ipv4.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import {silentLogger} from '../world.js';

const address = (text: string | undefined) => {
  const parsed = parseIpv4(text ?? '');
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`);
  return parsed;
};

const args = process.argv.slice(2);
// First, as in main.js: it may replace the program by itself.
const privilegesKept = giveUpPrivileges(args);
const {DEVICE_LOCAL, DEVICE_REMOTE, DEVICE_PORT} = process.env;
const speaker = new Speaker({netlinker: new MemoryNetlinker(), log: silentLogger(), port: Number(DEVICE_PORT)});
await speaker.addPeer({
  tunnel: 'doublezero0',
  localAddress: address(DEVICE_LOCAL),
  peerAddress: address(DEVICE_REMOTE),
  localAsn: 65_000,
  peerAsn: 65_001,
  nlri: [],
  table: 254,
  noInstall: true,
  noUninstall: false,
  resumed: false,
});
process.once('SIGTERM', () => void speaker[Symbol.asyncDispose]());
const {run} = await import('../../src/run.js');
await run(args, privilegesKept);
