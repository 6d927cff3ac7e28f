import {headerLength} from '../../../src/bgp/codec/message-header.js';
import {noPrefixes, prefixList} from '../../../src/bgp/codec/prefix-list.js';
import {type DecodedUpdate, decodeUpdate, type Update} from '../../../src/bgp/codec/update-decode.js';
import {encodeUpdate} from '../../../src/bgp/codec/update-encode.js';
import {type Ipv4, type Ipv4Prefix, parsePrefix} from '../../../src/ip/ipv4.js';

export const prefix = (text: string): Ipv4Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(`not a prefix: ${text}`);
  return parsed;
};

export interface Changes {
  readonly announce?: readonly string[];
  readonly withdraw?: readonly string[];
  readonly nextHop: Ipv4;
  readonly path?: readonly number[];
}

function messageOf({announce = [], withdraw = [], nextHop, path = [65_001]}: Changes): Update {
  const withdrawnRoutes = prefixList(withdraw.map(prefix));
  if (announce.length === 0) return {withdrawnRoutes, pathAttributes: {}, nlri: noPrefixes};
  const pathAttributes = {origin: 'IGP' as const, nextHop, asPath: [{type: 'AS_SEQUENCE' as const, numbers: path}]};
  return {withdrawnRoutes, pathAttributes, nlri: prefixList(announce.map(prefix))};
}

/** The message of a peer in another AS that speaks of four-octet ASes, end-of-RIB where it changes nothing. */
export const updateMessage = (changes: Changes): Uint8Array => encodeUpdate(messageOf(changes), 4);

/** The same as it is read from the wire. */
export const update = (changes: Changes): DecodedUpdate =>
  decodeUpdate(updateMessage(changes).subarray(headerLength), {asWidth: 4, external: true});
