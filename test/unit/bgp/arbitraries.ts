import fc from 'fast-check';
import type {AsPath} from '../../../src/bgp/codec/as-path.js';
import type {Capability} from '../../../src/bgp/codec/capability.js';
import type {Notification} from '../../../src/bgp/codec/notification.js';
import type {Open} from '../../../src/bgp/codec/open.js';
import {attributeType, origins, type PathAttributes} from '../../../src/bgp/codec/path-attributes.js';
import {prefixList} from '../../../src/bgp/codec/prefix-list.js';
import type {RouteRefresh} from '../../../src/bgp/codec/route-refresh.js';
import type {Update} from '../../../src/bgp/codec/update-decode.js';
import {ipv4} from '../../../src/ip/ipv4.js';

const u8 = fc.nat({max: 0xff});
const u16 = fc.nat({max: 0xffff});
const u32 = fc.nat({max: 0xffffffff});
const address = u32.map(ipv4);
/** An address that NEXT_HOP may hold. */
const host = fc.nat({max: 0x5effffff}).map(offset => ipv4(offset + 0x01000000));
const octets = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints).map(bytes => Uint8Array.from(bytes));

const family = {afi: u16, safi: u8};
const emptyCapabilities = [2, 6];
const knownCapabilities = [1, 2, 6, 64, 65];

export const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({kind: fc.constant('multiprotocol' as const), ...family}),
  fc.record({kind: fc.constant('route-refresh' as const)}),
  fc.record({kind: fc.constant('extended-message' as const)}),
  fc.record({kind: fc.constant('four-octet-as' as const), as: u32}),
  fc.record({
    kind: fc.constant('graceful-restart' as const),
    restarted: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.nat({max: 4095}),
    families: fc.array(fc.record({...family, forwardingPreserved: fc.boolean()}), {maxLength: 5}),
  }),
  fc
    .record({kind: fc.constant('unknown' as const), code: u8, value: octets({maxLength: 40})})
    .filter(({code, value}) =>
      emptyCapabilities.includes(code) ? value.length > 0 : !knownCapabilities.includes(code),
    ),
);

/** The largest ones need the parameters of RFC 9072. */
export const open: fc.Arbitrary<Open> = fc.record({
  myAutonomousSystem: u16,
  holdTime: u16,
  bgpIdentifier: address,
  optionalParameters: fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('capabilities' as const),
        capabilities: fc.array(capability, {maxLength: 12}),
      }),
      fc.record({
        kind: fc.constant('unknown' as const),
        type: fc.constantFrom(1, 3, 254),
        value: octets({maxLength: 40}),
      }),
    ),
    {maxLength: 6},
  ),
});

export const notification: fc.Arbitrary<Notification> = fc.record({
  code: u8,
  subcode: u8,
  data: octets({maxLength: 300}),
});

export const routeRefresh: fc.Arbitrary<RouteRefresh> = fc.record({afi: u16, subtype: u8, safi: u8});

const prefixArray = (maxLength: number) =>
  fc.array(fc.record({address, length: fc.nat({max: 32})}), {maxLength}).map(prefixList);

const asPath = (largest: number): fc.Arbitrary<AsPath> =>
  fc.array(
    fc.record({
      type: fc.constantFrom('AS_SET' as const, 'AS_SEQUENCE' as const),
      numbers: fc.array(fc.integer({min: 1, max: largest}), {minLength: 1, maxLength: 70}),
    }),
    {maxLength: 3},
  );

/** Of the size that a type with items of `size` octets has to have. */
const items = (type: number, size: number) =>
  fc.integer({min: 1, max: 4}).chain(count => {
    const value = octets({minLength: count * size, maxLength: count * size});
    return fc.record({type: fc.constant(type), flags: fc.constantFrom(0xc0, 0xe0), value});
  });

const others = fc.uniqueArray(
  fc.oneof(
    items(attributeType.extendedCommunities, 8),
    items(attributeType.ipv6ExtendedCommunities, 20),
    items(attributeType.largeCommunities, 12),
    items(attributeType.attrSet, 4),
    fc.record({
      type: fc.integer({min: 200, max: 255}),
      flags: fc.constantFrom(0xc0, 0xe0),
      value: octets({maxLength: 300}),
    }),
  ),
  {selector: ({type}) => type, minLength: 1, maxLength: 3},
);
// The codec gives them in the order of their types, as it sends them.
const sortedOthers = others.map(list => list.toSorted((a, b) => a.type - b.type));

/** Everything a session inside one AS may carry: that is everything. */
export const pathAttributes: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom(...origins),
    asPath: asPath(0xffffffff),
    nextHop: host,
    multiExitDisc: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({as: fc.integer({min: 1, max: 0xffffffff}), address}),
    communities: fc.array(u32, {minLength: 1, maxLength: 80}),
    originatorId: address,
    clusterList: fc.array(address, {minLength: 1, maxLength: 5}),
    mpReach: fc.record({nextHop: address, nlri: prefixArray(20)}),
    mpUnreach: prefixArray(20),
    others: sortedOthers,
  },
  {requiredKeys: ['origin', 'asPath', 'nextHop', 'localPref']},
);

export const update: fc.Arbitrary<Update> = fc.record({
  withdrawnRoutes: prefixArray(50),
  pathAttributes,
  nlri: prefixArray(50),
});
