import test from 'ava';
import {AdjRibIn} from '../../../src/bgp/adj-rib-in.js';
import type {BgpSpeaker} from '../../../src/bgp/bgp-speaker.js';
import {prefixList} from '../../../src/bgp/codec/prefix-list.js';
import {formatPrefix, type Ipv4Prefix, ipv4, parsePrefix} from '../../../src/ip/ipv4.js';
import {keyPrefix, prefixKey} from '../../../src/ip/prefix-key.js';
import {pageOfRoutes} from '../../../src/rpc/route-pages.js';
import {InvalidArgument} from '../../../src/tunnels/errors.js';

const prefix = (text: string): Ipv4Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
};

const device = ipv4(0xa9fe0000);

/** The routes of tunnels as a speaker lists them, out of real Adj-RIBs-In. */
function openTable(routes: Record<string, readonly string[]>) {
  const ribs = new Map(Object.keys(routes).map(tunnel => [tunnel, new AdjRibIn(device)]));
  const apply = (tunnel: string, announced: readonly string[], withdrawn: readonly string[]) => {
    const [nlri, withdrawnRoutes] = [prefixList(announced.map(prefix)), prefixList(withdrawn.map(prefix))];
    ribs.get(tunnel)?.apply({
      update: {nlri, withdrawnRoutes, pathAttributes: {}},
      withdrawals: [withdrawnRoutes],
      announcements: [{nextHop: device, nlri}],
      discarded: [],
      endOfRib: false,
    });
  };
  for (const [tunnel, announced] of Object.entries(routes)) apply(tunnel, announced, []);
  const speaker: Pick<BgpSpeaker, 'routes'> = {
    routes: (tunnel, {after, limit}) =>
      (ribs.get(tunnel)?.keysAfter(after && prefixKey(after.address, after.length), limit) ?? []).map(key => ({
        prefix: keyPrefix(key),
        nextHop: device,
        table: 254,
        installed: true,
        asPath: [],
      })),
  };
  const page = (pageSize: number, pageToken = '') => {
    const {routes: found, nextPageToken} = pageOfRoutes(speaker, ['doublezero0', 'doublezero1'], {pageSize, pageToken});
    return {routes: found.map(route => `${route.tunnel} ${formatPrefix(route.prefix)}`), nextPageToken};
  };
  return {apply, page};
}

const both = {
  doublezero0: ['11.0.0.1/32', '11.0.0.2/32', '11.0.0.3/32'],
  doublezero1: ['11.0.0.0/24', '11.0.0.2/32'],
};
const inOrder = [
  'doublezero0 11.0.0.1/32',
  'doublezero0 11.0.0.2/32',
  'doublezero0 11.0.0.3/32',
  'doublezero1 11.0.0.0/24',
  'doublezero1 11.0.0.2/32',
];

const inPages = test.macro({
  title: (_given, size: number) => `pages of ${size} hold every route of every tunnel once, in order`,
  exec(t, size: number, lengths: readonly number[]) {
    const {page} = openTable(both);
    const seen: string[] = [];
    const sizes: number[] = [];
    let token = '';
    do {
      const {routes, nextPageToken} = page(size, token);
      seen.push(...routes);
      sizes.push(routes.length);
      token = nextPageToken;
    } while (token !== '');
    t.deepEqual(seen, inOrder);
    t.deepEqual(sizes, lengths);
  },
});
test(inPages, 1, [1, 1, 1, 1, 1]);
test(inPages, 2, [2, 2, 1]);
test(inPages, 3, [3, 2]);
test(inPages, 4, [4, 1]);
test(inPages, 5, [5]);
test(inPages, 0, [5]);

test('nothing learned is one empty page', t => {
  t.deepEqual(openTable({doublezero0: []}).page(10), {routes: [], nextPageToken: ''});
});

test('routes that come and go between two pages shift none of the others', t => {
  const {page, apply} = openTable(both);
  const first = page(2);
  apply('doublezero0', ['11.0.0.0/32', '11.0.0.9/32'], ['11.0.0.1/32', '11.0.0.2/32']);
  const second = page(2, first.nextPageToken);
  t.deepEqual(second.routes, ['doublezero0 11.0.0.3/32', 'doublezero0 11.0.0.9/32']);
  apply('doublezero0', [], ['11.0.0.3/32', '11.0.0.9/32', '11.0.0.0/32']);
  t.deepEqual(page(2, second.nextPageToken), {
    routes: ['doublezero1 11.0.0.0/24', 'doublezero1 11.0.0.2/32'],
    nextPageToken: '',
  });
});

test('a tunnel that goes between two pages ends the list or leaves it to the others', t => {
  const {page, apply} = openTable(both);
  const first = page(1);
  apply('doublezero0', [], both.doublezero0);
  t.deepEqual(page(9, first.nextPageToken).routes, inOrder.slice(3));
  const last = page(1, first.nextPageToken);
  apply('doublezero1', [], both.doublezero1);
  t.deepEqual(page(9, last.nextPageToken), {routes: [], nextPageToken: ''});
});

test('a page is 1,000 routes unless asked otherwise, and 10,000 at most', t => {
  const many = Array.from({length: 10_001}, (_, index) =>
    formatPrefix({address: ipv4(0x0b000000 + index), length: 32}),
  );
  const {page} = openTable({doublezero0: many});
  t.is(page(0).routes.length, 1000);
  const largest = page(1_000_000);
  t.is(largest.routes.length, 10_000);
  t.deepEqual(page(1_000_000, largest.nextPageToken).routes, ['doublezero0 11.0.39.16/32']);
});

const token = (text: string) => Buffer.from(text).toString('base64url');

const isRefused = test.macro({
  title: (_given, pageToken: string) => `a page token that is none of ours is refused: ${JSON.stringify(pageToken)}`,
  exec(t, pageToken: string) {
    const error = t.throws(() => openTable(both).page(2, pageToken), {instanceOf: InvalidArgument});
    t.deepEqual(error?.violations, [{field: 'page_token', description: 'is none that ListRoutes gave out'}]);
  },
});
for (const bad of [
  'next',
  '!!!',
  token('doublezero0'),
  token('doublezero0 '),
  token(' 11.0.0.1/32'),
  token('doublezero0 11.0.0.1'),
  token('doublezero0 11.0.0.1/33'),
  token('doublezero0 11.0.0.1/24'),
  token('doublezero0 11.0.0.1/32 more'),
  token('doublezero0 11.0.0.1/032'),
  `${token('doublezero0 11.0.0.1/32')}=`,
])
  test(isRefused, bad);
