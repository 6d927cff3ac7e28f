import {isIPv6, SocketAddress} from 'node:net';
import {isAbsolute, normalize} from 'node:path';
import {isLoopback, parseIpv4} from '../ip/ipv4.js';
import {ListenError} from './listen-error.js';

/** Where to listen, and the flag it was asked for with, so that an error can name it. */
export type ListenAddress =
  | {readonly kind: 'unix'; readonly path: string; readonly flag: string}
  | {readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly flag: string};

export const defaultSocketPath = '/run/doublezerod/doublezerod.sock';

/** sun_path of unix(7) has 108 bytes, a closing zero among them. */
export const longestSocketPath = 107;

const hostAndPort = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>[0-9]+)$/;
const needsTls =
  'only loopback addresses (127.0.0.0/8, [::1], localhost) can be listened on: ' +
  'any other needs TLS, which this version does not have';

/**
 * Reads `unix:/path`, `/path` or `HOST:PORT`, where HOST is a loopback address: without TLS anyone on the way could
 * rewire the host's network. Port 0 takes a free one.
 *
 * @throws {ListenError} for anything else
 */
export function parseListenAddress(text: string, flag = '--listen'): ListenAddress {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length), flag);
  if (text.startsWith('/')) return unixAddress(text, flag);
  const {host, port} = hostAndPort.exec(text)?.groups ?? {};
  if (host === undefined || port === undefined) {
    throw new ListenError(flag, `"${text}" is neither HOST:PORT (IPv6 in brackets) nor unix:/PATH`);
  }
  if (Number(port) > 65535) throw new ListenError(flag, `"${text}": ports go from 0 to 65535`);
  const address = loopbackAddress(host);
  if (address === undefined) throw new ListenError(flag, `"${text}": ${needsTls}`);
  return {kind: 'tcp', host: address, port: Number(port), flag};
}

/** As clients write it: `unix:/path`, `127.0.0.1:7300`, `[::1]:7300`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

function unixAddress(path: string, flag: string): ListenAddress {
  if (!isAbsolute(path)) throw new ListenError(flag, `"${path}" is not an absolute path`);
  if (path.includes('\0') || path.endsWith('/')) throw new ListenError(flag, `"${path}" does not name a socket`);
  const normal = normalize(path).replace(/^\/+/, '/'); // unix:///path is how gRPC writes unix:/path
  if (Buffer.byteLength(normal) > longestSocketPath) {
    throw new ListenError(flag, `"${path}" is longer than the ${longestSocketPath} bytes a socket's path can have`);
  }
  return {kind: 'unix', path: normal, flag};
}

/** `undefined` for what is not loopback; names other than localhost are not looked up, for they may change. */
function loopbackAddress(host: string): string | undefined {
  if (host === 'localhost') return '127.0.0.1';
  const ipv4 = parseIpv4(host);
  if (ipv4 !== undefined) return isLoopback(ipv4) ? host : undefined;
  const ipv6 = host.startsWith('[') ? host.slice(1, -1) : '';
  if (!isIPv6(ipv6) || ipv6.includes('%')) return undefined;
  return new SocketAddress({address: ipv6, family: 'ipv6'}).address === '::1' ? '::1' : undefined;
}
