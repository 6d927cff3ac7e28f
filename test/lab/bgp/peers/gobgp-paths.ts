import {Client, credentials} from '@grpc/grpc-js';
import {formatIpv4} from '../../../../src/ip/ipv4.js';
import {prefix} from './addresses.js';

/** GoBGP's AddPathStream (api/gobgp.proto and attribute.proto of GoBGP 3), written by hand: there is so little of it. */
const method = '/apipb.GobgpApi/AddPathStream';
const routesInMessage = 500;

/**
 * Has GoBGP originate the prefixes. Its own command takes one at a time, at some 30 ms each, and what its `mrt inject`
 * has not sent when it ends is lost.
 */
export async function addPaths(address: string, prefixes: readonly string[], nextHop: string): Promise<void> {
  const client = new Client(address, credentials.createInsecure());
  try {
    await new Promise<void>((resolve, reject) => {
      const identity = (octets: Buffer) => octets;
      const stream = client.makeClientStreamRequest(method, identity, identity, error =>
        error === null ? resolve() : reject(error),
      );
      for (let start = 0; start < prefixes.length; start += routesInMessage) {
        const paths = prefixes.slice(start, start + routesInMessage).map(text => field(3, path(text, nextHop)));
        stream.write(Buffer.concat([...paths]));
      }
      stream.end();
    });
  } finally {
    client.close();
  }
}

function path(text: string, nextHop: string): Buffer {
  const {address, length} = prefix(text);
  const nlri = any('IPAddressPrefix', number(1, length), field(2, formatIpv4(address)));
  const attributes = [any('OriginAttribute'), any('NextHopAttribute', field(1, nextHop))]; // 0, and so absent: IGP
  const ipv4Unicast = Buffer.concat([number(1, 1), number(2, 1)]);
  return Buffer.concat([field(1, nlri), ...attributes.map(attribute => field(2, attribute)), field(9, ipv4Unicast)]);
}

/** google.protobuf.Any */
const any = (type: string, ...fields: readonly Buffer[]): Buffer =>
  Buffer.concat([field(1, `type.googleapis.com/apipb.${type}`), field(2, Buffer.concat([...fields]))]);

const number = (id: number, value: number): Buffer => Buffer.from([id << 3, ...varint(value)]);

function field(id: number, value: Buffer | string): Buffer {
  const octets = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([(id << 3) | 2, ...varint(octets.length)]), octets]);
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
