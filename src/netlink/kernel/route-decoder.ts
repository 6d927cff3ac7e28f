import {type Ipv4, ipv4} from '../../ip/ipv4.js';
import type {Route, RouteFilter} from '../netlinker.js';
import {routeAttribute, routeHeaderLength, typeUnicast} from './route-encoder.js';
import {align, familyInet, flag, headerLength, littleEndian, message, messageType} from './wire.js';

/** RTM_F_CLONED: an entry of the cache. */
const flagCloned = 0x200;

/** The filter, with the interface by its index. */
export type IndexFilter = Omit<RouteFilter, 'interface'> & {readonly interface?: number | undefined};

/** A route whose interface is known by its index only. */
export type IndexedRoute = Omit<Route, 'interface'> & {readonly interface: number};

/**
 * Reads an RTM_NEWROUTE message. `undefined` for what the filter leaves out and for what is no `Route`: other types and
 * families than IPv4 unicast, cached entries, several next hops, next hops of another family. Nothing is allocated for
 * those: a table of 100,000 routes may have to be looked through for a few.
 */
export function decodeRoute(
  view: DataView,
  start: number,
  end: number,
  filter: IndexFilter = {},
): IndexedRoute | undefined {
  const body = start + headerLength;
  if (view.getUint16(start + 4, littleEndian) !== messageType.routeNew) return undefined;
  if (view.getUint8(body) !== familyInet || view.getUint8(body + 7) !== typeUnicast) return undefined;
  if (view.getUint32(body + 8, littleEndian) & flagCloned) return undefined;
  const protocol = view.getUint8(body + 5);
  if (filter.protocol !== undefined && filter.protocol !== protocol) return undefined;

  let table = view.getUint8(body + 4);
  let destination = 0;
  let device = 0;
  let gateway: Ipv4 | undefined;
  let source: Ipv4 | undefined;
  for (let at = body + routeHeaderLength; at + 4 <= end; ) {
    const length = view.getUint16(at, littleEndian);
    if (length < 4) break;
    switch (view.getUint16(at + 2, littleEndian)) {
      case routeAttribute.destination:
        destination = view.getUint32(at + 4);
        break;
      case routeAttribute.table:
        table = view.getUint32(at + 4, littleEndian);
        break;
      case routeAttribute.interface:
        device = view.getUint32(at + 4, littleEndian);
        break;
      case routeAttribute.gateway:
        gateway = ipv4(view.getUint32(at + 4));
        break;
      case routeAttribute.source:
        source = ipv4(view.getUint32(at + 4));
        break;
      case routeAttribute.via:
      case routeAttribute.multipath:
        return undefined;
    }
    at += align(length);
  }
  if (device === 0) return undefined;
  if (filter.table !== undefined && filter.table !== table) return undefined;
  if (filter.interface !== undefined && filter.interface !== device) return undefined;
  if (filter.gateway !== undefined && filter.gateway !== gateway) return undefined;
  const length = view.getUint8(body + 1);
  return {destination: {address: ipv4(destination), length}, table, protocol, gateway, source, interface: device};
}

/** Asks for all IPv4 routes: the kernel filters only for sockets with an option that the `netlink` package cannot set. */
export function dumpRoutes(): Uint8Array {
  const payload = Buffer.alloc(routeHeaderLength);
  payload[0] = familyInet;
  return message(messageType.routeGet, flag.dump, payload);
}
