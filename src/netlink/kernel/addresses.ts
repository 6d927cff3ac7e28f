import {AttrStream, rt} from 'netlink';
import {ipv4} from '../../ip/ipv4.js';
import type {AddressScope, InterfaceAddress} from '../netlinker.js';
import {familyInet, flag, headerLength, message, messageType} from './wire.js';

/** RT_SCOPE_*. */
const scopes: Record<AddressScope, number> = {universe: 0, site: 200, link: 253, host: 254, nowhere: 255};
const scopeNames = new Map(Object.entries(scopes).map(([name, number]) => [number, name as AddressScope]));

export function addressBytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return bytes;
}

function addressMessage(type: number, flags: number, index: number, {address, length, scope}: InterfaceAddress) {
  const bytes = addressBytes(address);
  const data = {family: familyInet, prefixlen: length, scope: scopes[scope], index};
  const out = new AttrStream();
  rt.formatAddressMessage({kind: 'address', data, attrs: {local: bytes, address: bytes}}, out);
  return message(type, flags, out.bufs);
}

export const addAddress = (index: number, address: InterfaceAddress): Uint8Array =>
  addressMessage(messageType.addressNew, flag.create | flag.exclusive, index, address);

export const deleteAddress = (index: number, address: InterfaceAddress): Uint8Array =>
  addressMessage(messageType.addressDelete, 0, index, address);

export function dumpAddresses(): Uint8Array {
  const out = new AttrStream();
  rt.formatAddressMessage({kind: 'address', data: {family: familyInet}, attrs: {}}, out);
  return message(messageType.addressGet, flag.dump, out.bufs);
}

interface IndexedAddress {
  readonly interface: number;
  readonly address: InterfaceAddress;
}

/** An RTM_NEWADDR message, from its header on. */
export function decodeAddress(datagram: Buffer): IndexedAddress | undefined {
  const {data, attrs} = rt.parseAddressMessage(datagram.subarray(headerLength));
  // IFA_ADDRESS is the far end on a point-to-point interface that has one; IFA_LOCAL is always ours.
  const bytes = attrs.local ?? attrs.address;
  if (data.index === undefined || bytes === undefined) return undefined;
  const address = {
    address: ipv4(bytes.readUInt32BE()),
    length: data.prefixlen ?? 32,
    scope: scopeNames.get(data.scope ?? 0) ?? 'universe', // RT_SCOPE_* leaves room for site-defined numbers
  };
  return {interface: data.index, address};
}
