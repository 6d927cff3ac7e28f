import {isIPv6, SocketAddress} from 'node:net';
import {isAbsolute, normalize} from 'node:path';
import type {TlsFiles} from '../config/tls-files.js';
import {isLoopback, parseIpv4} from '../ip/ipv4.js';
import {ListenError} from './listen-error.js';

/** Where to listen, and the flag it was asked for with, so that an error can name it. */
export type ListenAddress =
  | {readonly kind: 'unix'; readonly path: string; readonly flag: string}
  | {readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean; readonly flag: string};

export const defaultSocketPath = '/run/doublezerod/doublezerod.sock';

/** sun_path of unix(7) has 108 bytes, a closing zero among them. */
export const longestSocketPath = 107;

const tlsPrefix = 'tls:';
const hostAndPort = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>[0-9]+)$/;

/**
 * Reads `unix:/path`, `/path`, `HOST:PORT` or `tls:HOST:PORT`, where HOST is an IP address, or localhost for 127.0.0.1.
 * Beyond loopback there is TLS always: without it anyone on the way could rewire the host's network. Port 0 takes a free
 * one.
 *
 * @throws {ListenError} for anything else
 */
export function parseListenAddress(text: string, flag = '--listen'): ListenAddress {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length), flag);
  if (text.startsWith('/')) return unixAddress(text, flag);
  const wantsTls = text.startsWith(tlsPrefix);
  const {host, port} = hostAndPort.exec(wantsTls ? text.slice(tlsPrefix.length) : text)?.groups ?? {};
  if (host === undefined || port === undefined) {
    throw new ListenError(flag, `"${text}" is neither [tls:]HOST:PORT (IPv6 in brackets) nor unix:/PATH`);
  }
  if (Number(port) > 65535) throw new ListenError(flag, `"${text}": ports go from 0 to 65535`);
  const address = ipAddress(host);
  if (address === undefined) {
    throw new ListenError(
      flag,
      `"${text}": "${host}" is not an IP address, and names are not looked up: they may change`,
    );
  }
  return {kind: 'tcp', host: address.host, port: Number(port), tls: wantsTls || !address.isLoopback, flag};
}

/**
 * As it is written behind the flag, and in `GetDaemonInfo`: `unix:/path`, `127.0.0.1:7300`, `tls:192.0.2.1:7300`. A client
 * leaves out the `tls:`.
 */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `${address.tls ? tlsPrefix : ''}${host}:${address.port}`;
}

/**
 * Refuses listeners with TLS where its files are not given, and files that no listener would use: whoever gives them
 * believes to have TLS. Where the policy is missing too, that is told with it.
 *
 * @throws {ListenError}
 */
export function checkTlsIsUsed(
  addresses: readonly ListenAddress[],
  {tls: files, policy}: {readonly tls: TlsFiles | undefined; readonly policy: string | undefined},
): void {
  const withTls = addresses.find(address => address.kind === 'tcp' && address.tls);
  if (withTls && !files) {
    const needs =
      policy === undefined
        ? 'needs TLS and a policy: --tls-cert, --tls-key, --tls-client-ca and --policy are missing'
        : 'needs TLS: --tls-cert, --tls-key and --tls-client-ca are missing';
    throw new ListenError(withTls.flag, `"${formatListenAddress(withTls)}" ${needs}`);
  }
  if (files && !withTls) {
    throw new ListenError(
      '--tls-cert, --tls-key and --tls-client-ca',
      'no listener has TLS; a TCP listener is missing: --listen with an address beyond loopback, or tls:HOST:PORT',
    );
  }
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

/** `undefined` for what is no address. */
function ipAddress(host: string): {readonly host: string; readonly isLoopback: boolean} | undefined {
  if (host === 'localhost') return {host: '127.0.0.1', isLoopback: true};
  const ipv4 = parseIpv4(host);
  if (ipv4 !== undefined) return {host, isLoopback: isLoopback(ipv4)};
  const ipv6 = host.startsWith('[') ? host.slice(1, -1) : '';
  if (!isIPv6(ipv6)) return undefined;
  const [, address = '', zone = ''] = /^([^%]*)(%.*)?$/.exec(ipv6) ?? [];
  const normal = new SocketAddress({address, family: 'ipv6'}).address;
  return {host: normal + zone, isLoopback: normal === '::1'};
}
