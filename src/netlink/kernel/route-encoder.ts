import {type Route, routeTable} from '../netlinker.js';
import {familyInet, flag, headerLength, littleEndian, messageType} from './wire.js';

/** RTA_* as far as routes of this program have them. */
export const routeAttribute = {
  destination: 1,
  interface: 4,
  gateway: 5,
  source: 7,
  via: 18,
  multipath: 9,
  table: 15,
} as const;

/** RTN_UNICAST. */
export const typeUnicast = 1;

/** RT_SCOPE_*. */
const scope = {universe: 0, link: 253, nowhere: 255} as const;

/** Bytes of struct rtmsg. */
export const routeHeaderLength = 12;

const attributeLength = 8; // each is a 32-bit value here
const longestRoute = headerLength + routeHeaderLength + 5 * attributeLength;

const changes = {
  replace: {type: messageType.routeNew, flags: flag.request | flag.create | flag.replace},
  delete: {type: messageType.routeDelete, flags: flag.request},
} as const;

/**
 * Writes routes as RTM_NEWROUTE or RTM_DELROUTE messages into one buffer, which it uses again for the next batch. By hand
 * because of speed: the `netlink` package's own encoder takes several times as long as the kernel.
 */
export class RouteEncoder {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #change: keyof typeof changes;

  constructor(change: keyof typeof changes, capacity: number) {
    this.#change = change;
    this.#buffer = Buffer.alloc(capacity * longestRoute);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.byteLength);
  }

  /** `interfaces` holds the index of each route's interface. Valid until the next call. */
  encode(routes: readonly Route[], interfaces: ReadonlyMap<string, number>): Uint8Array {
    let end = 0;
    for (const route of routes) end = this.#write(route, interfaces.get(route.interface) ?? 0, end);
    return this.#buffer.subarray(0, end);
  }

  #write({destination, table, protocol, gateway, source}: Route, index: number, start: number): number {
    const view = this.#view;
    const {type, flags} = changes[this.#change];
    const body = start + headerLength;
    // A table number above 255 does not fit into the header; main's stands there for "see the attribute".
    view.setUint32(body, 0);
    view.setUint8(body, familyInet);
    view.setUint8(body + 1, destination.length);
    view.setUint8(body + 4, table < 256 ? table : routeTable.main);
    view.setUint8(body + 5, protocol);
    view.setUint8(body + 6, this.#scope(gateway !== undefined));
    view.setUint8(body + 7, typeUnicast);
    view.setUint32(body + 8, 0);

    let end = body + routeHeaderLength;
    if (destination.length > 0) end = this.#attribute(routeAttribute.destination, destination.address, false, end);
    if (table > 255) end = this.#attribute(routeAttribute.table, table, littleEndian, end);
    if (gateway !== undefined) end = this.#attribute(routeAttribute.gateway, gateway, false, end);
    if (source !== undefined) end = this.#attribute(routeAttribute.source, source, false, end);
    end = this.#attribute(routeAttribute.interface, index, littleEndian, end);

    view.setUint32(start, end - start, littleEndian);
    view.setUint16(start + 4, type, littleEndian);
    view.setUint16(start + 6, flags, littleEndian);
    view.setUint32(start + 8, 0); // sequence number, the channel's
    view.setUint32(start + 12, 0); // port, the kernel's
    return end;
  }

  /** A gateway makes the destination far away, its absence makes it a neighbour; what is deleted may be either. */
  #scope(hasGateway: boolean): number {
    if (this.#change === 'delete') return scope.nowhere;
    return hasGateway ? scope.universe : scope.link;
  }

  #attribute(type: number, value: number, little: boolean, start: number): number {
    this.#view.setUint16(start, attributeLength, littleEndian);
    this.#view.setUint16(start + 2, type, littleEndian);
    this.#view.setUint32(start + 4, value, little);
    return start + attributeLength;
  }
}
