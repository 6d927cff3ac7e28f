import {encodeHeartbeatDatagram} from '../../src/multicast/heartbeat-datagram.js';
import type {Ipv4Datagram} from '../../src/multicast/ipv4-datagram.js';
import {MemorySockets} from '../../src/multicast/memory-sockets.js';
import {addresses, multicastSocketsContract} from './multicast-sockets.js';

multicastSocketsContract('memory', async () => {
  const listeners = new Map<string, (datagram: Ipv4Datagram) => void>();
  let isThere = true;
  const [near, far] = (['near', 'far'] as const).map((name, index) => ({
    interface: name,
    index,
    source: addresses[name],
  }));
  if (!near || !far) throw new TypeError('two ends');
  const isHeartbeat = ({payload}: Ipv4Datagram) =>
    payload.length === encodeHeartbeatDatagram({source: near.source, group: far.source, sourcePort: 1}).length - 20;
  return {
    sockets: new MemorySockets({
      hasInterface: name => name === 'far' || (name === 'near' && isThere),
      onSent: datagram => isHeartbeat(datagram) && listeners.get('far')?.(datagram),
    }),
    near,
    far,
    remove: async () => {
      isThere = false;
    },
    hearHeartbeats: async (end, hear) => void listeners.set(end.interface, hear),
    [Symbol.asyncDispose]: async () => undefined,
  };
});
