import test from 'ava';
import fc from 'fast-check';
import {AttrStream, formatMessage, parseMessages, rt} from 'netlink';
import {formatIpv4, type Ipv4, ipv4, networkOf} from '../../../src/ip/ipv4.js';
import {decodeRoute, type IndexedRoute, type IndexFilter} from '../../../src/netlink/kernel/route-decoder.js';
import {RouteEncoder} from '../../../src/netlink/kernel/route-encoder.js';
import {messageOffsets, messageType} from '../../../src/netlink/kernel/wire.js';
import type {Route} from '../../../src/netlink/netlinker.js';

const address = fc.integer({min: 0, max: 0xffffffff}).map(ipv4);
const indices = new Map([
  ['doublezero0', 7],
  ['eth0', 70_000],
]);

const anyRoute: fc.Arbitrary<Route> = fc.record({
  destination: fc.record({address, length: fc.integer({min: 0, max: 32})}).map(networkOf),
  table: fc.oneof(fc.integer({min: 1, max: 255}), fc.integer({min: 256, max: 0xffffffff})),
  protocol: fc.integer({min: 1, max: 255}),
  gateway: fc.option(address, {nil: undefined}),
  source: fc.option(address, {nil: undefined}),
  interface: fc.constantFrom(...indices.keys()),
});

const indexed = (route: Route): IndexedRoute => ({...route, interface: indices.get(route.interface) ?? 0});

const viewOf = ({buffer, byteOffset, byteLength}: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

const decodeAll = (messages: Uint8Array, filter?: IndexFilter) => {
  const view = viewOf(messages);
  return [...messageOffsets(view)].map(start => decodeRoute(view, start, start + view.getUint32(start, true), filter));
};

const bytesOf = (value: Ipv4): Buffer => Buffer.from(formatIpv4(value).split('.').map(Number));
const read = (bytes: Buffer | undefined) => bytes && ipv4(bytes.readUInt32BE());

/** The route as the `netlink` package writes it. */
function packaged({destination, table, protocol, gateway, source, interface: oif}: IndexedRoute, data: rt.Route = {}) {
  const out = new AttrStream();
  const header = {family: 2, dstLen: destination.length, table: table < 256 ? table : 252, protocol};
  const attrs: rt.RouteAttrs = {table, oif};
  if (destination.length > 0) attrs.dst = bytesOf(destination.address);
  if (gateway !== undefined) attrs.gateway = bytesOf(gateway);
  if (source !== undefined) attrs.prefsrc = bytesOf(source);
  rt.formatRouteMessage({kind: 'route', data: {...header, type: 'UNICAST', scope: 'UNIVERSE', ...data}, attrs}, out);
  return Buffer.concat(formatMessage({type: messageType.routeNew, flags: 0, seq: 0, port: 0, data: out.bufs}));
}

test("the netlink package's decoder understands what is encoded here", t => {
  const encoder = new RouteEncoder('replace', 20);
  fc.assert(
    fc.property(fc.array(anyRoute, {minLength: 1, maxLength: 20}), routes => {
      const messages = parseMessages(Buffer.from(encoder.encode(routes, indices)));
      const seen = messages.map(({type, data: payload}): IndexedRoute => {
        const {data, attrs} = rt.parseRouteMessage(payload);
        t.is(type, messageType.routeNew);
        t.is(data.type, 'UNICAST');
        t.is(data.scope, attrs.gateway === undefined ? 'LINK' : 'UNIVERSE');
        return {
          destination: {address: read(attrs.dst) ?? ipv4(0), length: data.dstLen ?? 0},
          table: attrs.table ?? data.table ?? 0,
          protocol: Number(typeof data.protocol === 'string' ? rt.RouteProtocol[data.protocol] : data.protocol),
          gateway: read(attrs.gateway),
          source: read(attrs.prefsrc),
          interface: attrs.oif ?? 0,
        };
      });
      t.deepEqual(seen, routes.map(indexed));
    }),
  );
});

test("what the netlink package's encoder writes is understood here", t => {
  fc.assert(
    fc.property(anyRoute, route => {
      t.deepEqual(decodeAll(packaged(indexed(route))), [indexed(route)]);
    }),
  );
});

test('a batch survives a round trip, and a smaller one after it', t => {
  const encoder = new RouteEncoder('replace', 256);
  fc.assert(
    fc.property(fc.array(anyRoute, {maxLength: 256}), fc.array(anyRoute, {maxLength: 5}), (first, second) => {
      for (const routes of [first, second])
        t.deepEqual(decodeAll(encoder.encode(routes, indices)), routes.map(indexed));
    }),
    {numRuns: 30},
  );
});

test('a filter lets exactly the routes through that equal it', t => {
  const filters = fc.record(
    {
      table: fc.constantFrom(100, 254, 70_000),
      protocol: fc.constantFrom(4, 186),
      gateway: fc.constantFrom(ipv4(1), ipv4(2)),
      interface: fc.constantFrom(7, 70_000),
    },
    {requiredKeys: []},
  );
  const all = fc.record({
    destination: fc.constant({address: ipv4(0x0b000000), length: 24}),
    table: fc.constantFrom(100, 254, 70_000),
    protocol: fc.constantFrom(4, 186),
    gateway: fc.constantFrom(ipv4(1), ipv4(2), undefined),
    source: fc.constant(undefined),
    interface: fc.constantFrom('doublezero0', 'eth0'),
  });
  const encoder = new RouteEncoder('replace', 1);
  fc.assert(
    fc.property(all, filters, (route, filter) => {
      const equal = Object.entries(filter).every(([key, value]) => indexed(route)[key as keyof Route] === value);
      t.deepEqual(decodeAll(encoder.encode([route], indices), filter), [equal ? indexed(route) : undefined]);
    }),
  );
});

const some: IndexedRoute = {
  destination: {address: ipv4(0x0b000000), length: 24},
  table: 254,
  protocol: 186,
  gateway: ipv4(1),
  source: undefined,
  interface: 7,
};

const others: Record<string, rt.Route> = {
  'a local route': {type: 'LOCAL'},
  'a blackhole': {type: 'BLACKHOLE'},
  'an entry of the cache': {flags: {cloned: true}},
  'a route of another family': {family: 10},
};

for (const [name, data] of Object.entries(others))
  test(`${name} is left out`, t => {
    t.deepEqual(decodeAll(packaged(some, data)), [undefined]);
    t.deepEqual(decodeAll(packaged(some)), [some]);
  });

test('a message of another kind is left out', t => {
  const message = packaged(some);
  message.writeUInt16LE(messageType.linkNew, 4);
  t.deepEqual(decodeAll(message), [undefined]);
});

test("the kernel's own words are understood", t => {
  // One message of Linux 6.18's answer to RTM_GETROUTE, after
  // `ip route add 11.0.0.1 via 169.254.0.0 dev doublezero0 proto 186 src 10.99.0.1` with interface 3 of that name.
  const captured =
    '4400000018000200010000003e40000802200000feba00010000000008000f00fe000000080001000b00000108000700' +
    '0a63000108000500a9fe00000800040003000000';
  const expected = {
    destination: {address: ipv4(0x0b000001), length: 32},
    table: 254,
    protocol: 186,
    gateway: ipv4(0xa9fe0000),
    source: ipv4(0x0a630001),
    interface: 3,
  };
  t.deepEqual(decodeAll(Buffer.from(captured, 'hex')), [expected]);
});

test('a deletion matches any scope', t => {
  const encoder = new RouteEncoder('delete', 1);
  fc.assert(
    fc.property(anyRoute, route => {
      const [message] = parseMessages(Buffer.from(encoder.encode([route], indices)));
      t.is(message?.type, messageType.routeDelete);
      t.is(rt.parseRouteMessage(message?.data ?? Buffer.alloc(0)).data.scope, 'NOWHERE');
    }),
  );
});
