import test from 'ava';
import {ipv4} from '../../../src/ip/ipv4.js';
import {differences, etagOf} from '../../../src/tunnels/spec-compare.js';
import {parseSpec, type SpecInput} from '../../../src/tunnels/spec-parse.js';
import {type SampleName, samples} from '../../samples.js';

const specOf = (input: SpecInput) => ({...parseSpec(input), tunnelSrc: ipv4(0xc0000201)});

const same = test.macro({
  title: (_given, sample: SampleName, change: Partial<SpecInput>) =>
    `${sample} is the same with ${JSON.stringify(change)}`,
  exec(t, sample: SampleName, change: Partial<SpecInput>) {
    const [a, b] = [specOf(samples[sample]), specOf({...samples[sample], ...change})];
    t.deepEqual(differences(a, b), []);
    t.is(etagOf(a), etagOf(b));
  },
});

test(same, 'multicast', {mcastPubGroups: ['233.84.178.3', '233.84.178.1']});
test(same, 'multicast', {mcastSubGroups: ['233.84.178.3', '233.84.178.2']});
test(same, 'multicast', {doublezeroPrefixes: ['203.0.113.0/24']});
test(same, 'multicast', {mcastRpAddress: '10.0.0.0'});
test(same, 'ibrl', {doublezeroPrefixes: ['203.0.113.0/24']});
test(same, 'ibrl', {tunnelNet: '169.254.0.1/31'});
test(same, 'ibrl', {bgpLocalAsn: 65000, bgpRemoteAsn: 65001});
test(same, 'ibrlWithAllocatedIp', {doublezeroPrefixes: ['203.0.113.0/24']});
test(same, 'edgeFiltering', {doublezeroPrefixes: ['198.51.100.0/25', '203.0.113.0/24']});
test(same, 'subscriber', {doublezeroIp: '10.99.0.1'});

const differs = test.macro({
  title: (_given, sample: SampleName, change: Partial<SpecInput>) => `${sample} differs with ${JSON.stringify(change)}`,
  exec(t, sample: SampleName, change: Partial<SpecInput>, expected: Record<string, string>) {
    const [a, b] = [specOf(samples[sample]), specOf({...samples[sample], ...change})];
    const found = differences(a, b).map(({field, description}) => [field, description]);
    t.deepEqual(Object.fromEntries(found), expected);
    t.not(etagOf(a), etagOf(b));
  },
});

test(differs, 'ibrl', {tunnelDst: '192.0.2.9'}, {tunnel_dst: '192.0.2.2 → 192.0.2.9'});
test(differs, 'ibrl', {tunnelNet: '169.254.0.4/31'}, {tunnel_net: '169.254.0.0/31 → 169.254.0.4/31'});
test(differs, 'ibrl', {bgpLocalAsn: 65010}, {bgp_local_asn: '65000 → 65010'});
test(
  differs,
  'ibrl',
  {serviceType: 'ibrlWithAllocatedIp'},
  {service_type: 'SERVICE_TYPE_IBRL → SERVICE_TYPE_IBRL_WITH_ALLOCATED_IP'},
);
test(
  differs,
  'edgeFiltering',
  {doublezeroPrefixes: ['203.0.113.0/24', '100.64.0.0/10']},
  {doublezero_prefixes: '+100.64.0.0/10 -198.51.100.0/25'},
);
test(differs, 'multicast', {mcastPubGroups: ['233.84.178.1']}, {mcast_pub_groups: '-233.84.178.3'});
test(
  differs,
  'subscriber',
  {mcastPubGroups: ['233.84.178.2'], doublezeroIp: '10.99.0.1'},
  {doublezero_ip: 'none → 10.99.0.1', mcast_pub_groups: '+233.84.178.2'},
);

test('a difference in service type shows what only one of the two uses', t => {
  const fields = differences(specOf(samples.ibrl), specOf(samples.edgeFiltering)).map(({field}) => field);
  t.deepEqual(fields, ['service_type', 'doublezero_ip', 'doublezero_prefixes']);
});
