import type {Socket} from 'node:net';

/** Where a TCP connection comes from: `192.0.2.1:40000`, `[2001:db8::1]:40000`; `undefined` when it is gone. */
export function peerOf({remoteAddress, remotePort}: Socket): string | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  // What comes over IPv4 to a socket for both, as that of [::].
  const address = remoteAddress.replace(/^::ffff:(?=[0-9.]+$)/, '');
  return `${address.includes(':') ? `[${address}]` : address}:${remotePort}`;
}
