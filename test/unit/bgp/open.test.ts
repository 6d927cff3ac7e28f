import test from 'ava';
import {type Capability, findCapability} from '../../../src/bgp/codec/capability.js';
import {capabilitiesOf, decodeOpen, encodeOpen} from '../../../src/bgp/codec/open.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {bodyOf, codesOf, errorOf, octets} from './octets.js';

const fixed = '04 fde9 005a 0a630001';
const withParameters = (hex: string) => decodeOpen(octets(`${fixed} ${hex}`));

test('capabilities count the same in one parameter or one each', t => {
  const oneParameter = withParameters('0a 0208 010400010001 0200');
  const oneEach = withParameters('0c 0206 010400010001 0202 0200');
  t.deepEqual(capabilitiesOf(oneEach), capabilitiesOf(oneParameter));
  t.is(capabilitiesOf(oneEach).length, 2);
});

test('lengths of two octets (RFC 9072) are read', t => {
  const open = withParameters('ff ff 000b 02 0008 010400010001 0200');
  t.deepEqual(
    capabilitiesOf(open).map(({kind}) => kind),
    ['multiprotocol', 'route-refresh'],
  );
});

test('lengths of two octets are announced by the first type alone, whatever the length says', t => {
  t.is(capabilitiesOf(withParameters('07 ff 0005 02 0002 0200')).length, 1);
});

test('parameters that need lengths of two octets are sent with them', t => {
  const capabilities: Capability[] = [1, 2].map(code => ({
    kind: 'unknown',
    code: code + 100,
    value: new Uint8Array(200),
  }));
  const open = {
    myAutonomousSystem: 65000,
    holdTime: 90,
    bgpIdentifier: ipv4(1),
    optionalParameters: [{kind: 'capabilities' as const, capabilities}],
  };
  const body = bodyOf(encodeOpen(open));
  t.deepEqual(body.slice(9, 16), octets('ff ff 0197 02 0194'));
  t.deepEqual(decodeOpen(body), open);
});

test('a capability nobody here knows is kept as it came', t => {
  const [capability] = capabilitiesOf(withParameters('07 0205 4903056564'));
  t.deepEqual(capability, {kind: 'unknown', code: 73, value: octets('056564')});
});

test('graceful restart is read with its flags', t => {
  const capability = findCapability(
    capabilitiesOf(withParameters('0e 020c 400a c078 00010180 00020100')),
    'graceful-restart',
  );
  t.deepEqual(capability, {
    kind: 'graceful-restart',
    restarted: true,
    notification: true,
    restartTime: 120,
    families: [
      {afi: 1, safi: 1, forwardingPreserved: true},
      {afi: 2, safi: 1, forwardingPreserved: false},
    ],
  });
});

const refuses = test.macro({
  title: (what = '') => `refuses ${what}`,
  exec(t, hex: string, codes: string, data?: string) {
    const error = errorOf(() => decodeOpen(octets(hex)));
    t.is(codesOf(error), codes);
    t.deepEqual(error.data, octets(data ?? ''));
  },
});
test('another version, telling ours', refuses, `03 ${fixed.slice(3)} 00`, '2/1', '0004');
test('another version with other fields', refuses, '05 00 00 00 00 00 00 00 00 ff ff', '2/1', '0004');
test('fewer parameters than announced', refuses, `${fixed} 04 0200`, '2/0');
test('more parameters than announced', refuses, `${fixed} 02 0200 0200`, '2/0');
test('a parameter that ends beyond the message', refuses, `${fixed} 04 0203 0200`, '2/0');
test('a parameter without a length', refuses, `${fixed} 01 02`, '2/0');
test('extended parameters without a length', refuses, `${fixed} 02 ff00`, '2/0');
test('an extended parameter cut off in its length', refuses, `${fixed} ff ff 0002 0200`, '2/0');
test('a capability that ends beyond its parameter', refuses, `${fixed} 04 0202 0201`, '2/0');
test('a capability without a length', refuses, `${fixed} 03 0201 02`, '2/0');
test('a multiprotocol capability of 3 octets', refuses, `${fixed} 07 0205 0103000101`, '2/0', '0103000101');
test('a four-octet AS capability of 2 octets', refuses, `${fixed} 06 0204 4102fde9`, '2/0', '4102fde9');
test('a graceful restart capability of 5 octets', refuses, `${fixed} 09 0207 40050078000101`, '2/0', '40050078000101');
test('a body that is too short', refuses, '04 fde9 005a 0a6300', '2/0');
