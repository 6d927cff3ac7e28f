import test from 'ava';
import {formatIpv4, formatPrefix} from '../../../src/ip/ipv4.js';
import {InvalidArgument} from '../../../src/tunnels/errors.js';
import {parseSpec, type SpecInput} from '../../../src/tunnels/spec-parse.js';
import {type SampleName, sampleNames, samples} from '../../samples.js';

const faultsOf = (input: SpecInput | undefined): Record<string, string> => {
  try {
    parseSpec(input);
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    return Object.fromEntries(error.violations.map(({field, description}) => [field, description]));
  }
  return {};
};

for (const name of sampleNames) {
  test(`the sample ${name} is accepted`, t => t.deepEqual(faultsOf(samples[name]), {}));
}

test('defaults are filled in', t => {
  const {bgpLocalAsn, bgpRemoteAsn, mcastRpAddress} = parseSpec(samples.multicast);
  t.deepEqual([bgpLocalAsn, bgpRemoteAsn], [65000, 65001]);
  t.is(mcastRpAddress === undefined ? '' : formatIpv4(mcastRpAddress), '10.0.0.0');
  t.is(parseSpec(samples.ibrl).mcastRpAddress, undefined);
});

test('either address of the /31 may be written', t => {
  const {tunnelNet} = parseSpec({...samples.ibrl, tunnelNet: '169.254.0.1/31'});
  t.is(formatPrefix(tunnelNet), '169.254.0.0/31');
});

test('a missing spec is a violation', t => t.deepEqual(faultsOf(undefined), {spec: 'is required'}));

test('every wrong field is reported at once', t => {
  const faults = faultsOf({
    serviceType: '',
    tunnelSrc: 'x',
    tunnelDst: '',
    tunnelNet: '10.0.0.0/30',
    doublezeroIp: '::1',
    doublezeroPrefixes: ['10.0.0.1/24'],
    bgpLocalAsn: 23456,
    bgpRemoteAsn: 65535,
    mcastPubGroups: ['10.0.0.1'],
    mcastSubGroups: ['224.0.0.13'],
    mcastRpAddress: '233.84.178.1',
  });
  t.deepEqual(Object.keys(faults).sort(), [
    'spec.bgp_local_asn',
    'spec.bgp_remote_asn',
    'spec.doublezero_ip',
    'spec.doublezero_prefixes[0]',
    'spec.mcast_pub_groups[0]',
    'spec.mcast_rp_address',
    'spec.mcast_sub_groups[0]',
    'spec.service_type',
    'spec.tunnel_dst',
    'spec.tunnel_net',
    'spec.tunnel_src',
  ]);
});

const refused = test.macro({
  title: (_given, sample: SampleName, change: Partial<SpecInput>) =>
    `${sample} with ${JSON.stringify(change)} is refused, and only for that`,
  exec(t, sample: SampleName, change: Partial<SpecInput>, field: string, description: RegExp) {
    const faults = faultsOf({...samples[sample], ...change});
    t.deepEqual(Object.keys(faults), [field]);
    t.regex(faults[field] ?? '', description);
  },
});

test(refused, 'ibrl', {serviceType: ''}, 'spec.service_type', /required/);
test(refused, 'ibrl', {serviceType: '9'}, 'spec.service_type', /9 is not a known/);
test(refused, 'ibrl', {serviceType: 'constructor'}, 'spec.service_type', /not a known/);

const unicastFaults: [text: string, description: RegExp][] = [
  ['not an address', /not a dotted IPv4 address/],
  ['192.0.2.2/32', /not a dotted IPv4 address/],
  ['2001:db8::1', /IPv6/],
  ['233.84.178.1', /multicast/],
  ['127.0.0.1', /loopback/],
  ['0.0.0.0', /0\.0\.0\.0\/8/],
  ['255.255.255.255', /reserved/],
];
for (const [text, description] of unicastFaults) {
  test(refused, 'ibrl', {tunnelSrc: text}, 'spec.tunnel_src', description);
  test(refused, 'ibrl', {tunnelDst: text}, 'spec.tunnel_dst', description);
  test(refused, 'ibrl', {doublezeroIp: text}, 'spec.doublezero_ip', description);
  test(refused, 'multicast', {doublezeroIp: text}, 'spec.doublezero_ip', description);
  test(refused, 'multicast', {mcastRpAddress: text}, 'spec.mcast_rp_address', description);
}
test(refused, 'ibrl', {tunnelDst: ''}, 'spec.tunnel_dst', /required/);
test(refused, 'ibrl', {tunnelDst: '192.0.2.1'}, 'spec.tunnel_dst', /tunnel_src too/);
test(refused, 'ibrl', {doublezeroIp: '169.254.0.1'}, 'spec.doublezero_ip', /one end of tunnel_net/);
for (const sample of ['ibrl', 'ibrlWithAllocatedIp', 'edgeFiltering'] as const) {
  test(refused, sample, {doublezeroIp: ''}, 'spec.doublezero_ip', /required/);
  test(refused, sample, {mcastPubGroups: ['233.84.178.1']}, 'spec.mcast_pub_groups', /multicast tunnels only/);
  test(refused, sample, {mcastSubGroups: ['233.84.178.1']}, 'spec.mcast_sub_groups', /multicast tunnels only/);
  test(refused, sample, {mcastRpAddress: '10.0.0.0'}, 'spec.mcast_rp_address', /multicast tunnels only/);
}
test(refused, 'multicast', {doublezeroIp: ''}, 'spec.doublezero_ip', /required to publish/);

test(refused, 'ibrl', {tunnelNet: ''}, 'spec.tunnel_net', /required/);
test(refused, 'ibrl', {tunnelNet: '169.254.0.0'}, 'spec.tunnel_net', /CIDR/);
test(refused, 'ibrl', {tunnelNet: '169.254.0.0/30'}, 'spec.tunnel_net', /a \/30, and a \/31/);
test(refused, 'ibrl', {tunnelNet: '169.254.0.0/32'}, 'spec.tunnel_net', /a \/32, and a \/31/);
test(refused, 'ibrl', {tunnelNet: 'fe80::/31'}, 'spec.tunnel_net', /IPv6/);
test(refused, 'ibrl', {tunnelNet: '239.0.0.0/31'}, 'spec.tunnel_net', /multicast/);
test(refused, 'ibrl', {tunnelNet: '127.0.0.0/31'}, 'spec.tunnel_net', /loopback/);
test(refused, 'ibrl', {tunnelNet: '0.0.0.0/31'}, 'spec.tunnel_net', /0\.0\.0\.0\/8/);

test(refused, 'edgeFiltering', {doublezeroPrefixes: []}, 'spec.doublezero_prefixes', /at least one/);
const prefixFaults: [text: string, description: RegExp][] = [
  ['', /required/],
  ['203.0.113.0', /CIDR/],
  ['203.0.113.1/24', /host bits set; the network is 203\.0\.113\.0\/24/],
  ['2001:db8::/32', /IPv6/],
  ['239.0.0.0/8', /multicast/],
  ['127.0.0.0/8', /loopback/],
  ['0.0.0.0/0', /whole Internet/],
];
for (const [text, description] of prefixFaults) {
  test(refused, 'edgeFiltering', {doublezeroPrefixes: [text]}, 'spec.doublezero_prefixes[0]', description);
}
const many = Array.from({length: 1025}, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
test(refused, 'edgeFiltering', {doublezeroPrefixes: many}, 'spec.doublezero_prefixes', /at most 1024/);
const twice = ['203.0.113.0/24', '203.0.113.0/24'];
test(refused, 'edgeFiltering', {doublezeroPrefixes: twice}, 'spec.doublezero_prefixes[1]', /already there/);

for (const asn of [23456, 65535, 4294967295]) {
  test(refused, 'ibrl', {bgpLocalAsn: asn}, 'spec.bgp_local_asn', /reserved/);
  test(refused, 'ibrl', {bgpRemoteAsn: asn}, 'spec.bgp_remote_asn', /reserved/);
}
for (const asn of [-1, 4294967296, 1.5]) test(refused, 'ibrl', {bgpLocalAsn: asn}, 'spec.bgp_local_asn', /AS number/);

const groupFaults: [text: string, description: RegExp][] = [
  ['', /required/],
  ['x', /not a dotted IPv4 address/],
  ['10.0.0.1', /not a multicast address/],
  ['ff02::1', /IPv6/],
  ['224.0.0.13', /no router forwards/],
];
for (const [text, description] of groupFaults) {
  test(refused, 'multicast', {mcastPubGroups: [text]}, 'spec.mcast_pub_groups[0]', description);
  test(refused, 'multicast', {mcastSubGroups: ['233.84.178.9', text]}, 'spec.mcast_sub_groups[1]', description);
}
const pair = ['233.84.178.1', '233.84.178.1'];
test(refused, 'multicast', {mcastPubGroups: pair}, 'spec.mcast_pub_groups[1]', /already there/);

test('a multicast spec needs a group', t => {
  const faults = faultsOf({...samples.multicast, mcastPubGroups: [], mcastSubGroups: []});
  t.deepEqual(Object.keys(faults), ['spec.mcast_pub_groups', 'spec.mcast_sub_groups']);
});

test('an overlong text is quoted shortened', t => {
  const faults = faultsOf({...samples.ibrl, tunnelDst: 'x'.repeat(100_000)});
  t.true((faults['spec.tunnel_dst'] ?? '').length < 200);
});
