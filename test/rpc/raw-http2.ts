import {on, once} from 'node:events';
import {connect, type Socket} from 'node:net';

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const frameType = {data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, continuation: 9} as const;
export const endStream = 0x1;
export const endHeaders = 0x4;

/** A frame of HTTP/2 (RFC 9113 §4.1). */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** Literal header fields without indexing and without Huffman coding (RFC 7541 §6.2.2), values taken as Latin-1. */
export const headerBlock = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length > 126) throw new RangeError('longer texts need a second length byte');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** A gRPC request's headers, with changes. */
export const requestHeaders = (changes: Readonly<Record<string, string>> = {}): Buffer =>
  headerBlock({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/doublezero.tunnel.v1.TunnelService/GetTunnel',
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...changes,
  });

/** A length-prefixed gRPC message. */
export function message(payload: Uint8Array, {compressed = false, length = payload.length} = {}): Buffer {
  const header = Buffer.alloc(5);
  header[0] = compressed ? 1 : 0;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, payload]);
}

/** Connects to `unix:/path`, `127.0.0.1:port` or `[::1]:port`. What the server does to the connection is no error. */
export async function rawConnect(address: string): Promise<Socket> {
  const [, host = '', port] = /^(.*):([^:]*)$/.exec(address) ?? [];
  const target = address.startsWith('unix:')
    ? {path: address.slice('unix:'.length)}
    : {host: host.replace(/[[\]]/g, ''), port: Number(port)};
  const socket = connect(target);
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Resolves when the server has sent a frame of the type. */
export async function received(socket: Socket, type: number): Promise<void> {
  let bytes = Buffer.alloc(0);
  for await (const [chunk] of on(socket, 'data', {close: ['close']})) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      if (bytes[3] === type) return;
      bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
    }
  }
  throw new Error('the connection was closed first');
}
