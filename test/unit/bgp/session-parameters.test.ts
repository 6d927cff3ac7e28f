import test from 'ava';
import {type Capability, findCapability} from '../../../src/bgp/codec/capability.js';
import {capabilitiesOf, decodeOpen, encodeOpen, type OptionalParameter} from '../../../src/bgp/codec/open.js';
import {negotiate, type OpenConfig, openMessage} from '../../../src/bgp/session-parameters.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {bodyOf, codesOf, errorOf, octets} from './octets.js';

const config: OpenConfig = {localAs: 65000, peerAs: 65001, bgpIdentifier: ipv4(0xc0000201), holdTime: 90};
const ipv4Unicast: Capability = {kind: 'multiprotocol', afi: 1, safi: 1};

const parameter = (...capabilities: Capability[]): OptionalParameter => ({kind: 'capabilities', capabilities});

/** An OPEN of the peer that `config` expects. */
const peerOpen = (
  fields: {holdTime?: number; as?: number; identifier?: number; parameters?: OptionalParameter[]} = {},
) => ({
  myAutonomousSystem: fields.as ?? 65001,
  holdTime: fields.holdTime ?? 90,
  bgpIdentifier: ipv4(fields.identifier ?? 0xc0000202),
  optionalParameters: fields.parameters ?? [parameter(ipv4Unicast)],
});

const agrees = test.macro({
  title: (_given, ours: number, theirs: number, agreed: number) =>
    `${ours} s proposed and ${theirs} s answered are a hold time of ${agreed} s`,
  exec(t, ours: number, theirs: number, agreed: number, keepaliveTime: number) {
    const parameters = negotiate({...config, holdTime: ours}, peerOpen({holdTime: theirs}));
    t.is(parameters.holdTime, agreed);
    t.is(parameters.keepaliveTime, keepaliveTime);
  },
});
test(agrees, 90, 3, 3, 1);
test(agrees, 90, 240, 90, 30);
test(agrees, 90, 0, 0, 0);
test(agrees, 0, 90, 0, 0);

test('AS numbers have four octets where the peer offers them as well', t => {
  const wide = negotiate(config, peerOpen({parameters: [parameter(ipv4Unicast, {kind: 'four-octet-as', as: 65001})]}));
  t.is(wide.asWidth, 4);
  t.is(negotiate(config, peerOpen()).asWidth, 2);
});

test('the AS number is that of the capability, whatever the field of two octets says', t => {
  const open = peerOpen({as: 23456, parameters: [parameter({kind: 'four-octet-as', as: 4200000000})]});
  t.is(negotiate({...config, peerAs: 4200000000}, open).peerAs, 4200000000);
});

test('our AS number goes as AS_TRANS where it does not fit, and whole in the capability', t => {
  const open = decodeOpen(bodyOf(encodeOpen(openMessage({...config, localAs: 4200000000}))));
  t.is(open.myAutonomousSystem, 23456);
  t.deepEqual(findCapability(capabilitiesOf(open), 'four-octet-as'), {kind: 'four-octet-as', as: 4200000000});
});

test('graceful restart is offered only where it is asked for', t => {
  const gracefulRestart = {
    kind: 'graceful-restart',
    restarted: false,
    notification: true,
    restartTime: 120,
    families: [{afi: 1, safi: 1, forwardingPreserved: true}],
  } as const;
  const offered = (with_: OpenConfig) => findCapability(capabilitiesOf(openMessage(with_)), 'graceful-restart');
  t.is(offered(config), undefined);
  t.deepEqual(offered({...config, gracefulRestart}), gracefulRestart);
});

test('messages over 4,096 octets and route refresh are for peers that offer them', t => {
  const plain = negotiate(config, peerOpen());
  t.is(plain.maximumMessageLength, 4096);
  t.false(plain.routeRefresh);
  const offers = [parameter(ipv4Unicast, {kind: 'extended-message'}, {kind: 'route-refresh'})];
  const more = negotiate(config, peerOpen({parameters: offers}));
  t.is(more.maximumMessageLength, 65535);
  t.true(more.routeRefresh);
});

test('a peer in our AS is internal, another one external', t => {
  t.true(negotiate(config, peerOpen()).external);
  t.false(negotiate({...config, localAs: 65001}, peerOpen()).external);
});

test('a peer in another AS may have our identifier', t => {
  t.is(negotiate(config, peerOpen({identifier: 0xc0000201})).peerIdentifier, config.bgpIdentifier);
});

test('a peer without multiprotocol capabilities speaks IPv4 unicast', t => {
  t.notThrows(() => negotiate(config, peerOpen({parameters: []})));
});

const refuses = test.macro({
  title: (what = '') => `refuses ${what}`,
  exec(t, fields: Parameters<typeof peerOpen>[0], codes: string, data?: string, ours?: OpenConfig) {
    const error = errorOf(() => negotiate(ours ?? config, peerOpen(fields)));
    t.is(codesOf(error), codes);
    t.deepEqual(error.data, octets(data ?? ''));
  },
});
test('a peer in another AS than expected', refuses, {as: 65002}, '2/2');
test(
  'a peer whose capability tells another AS',
  refuses,
  {parameters: [parameter({kind: 'four-octet-as', as: 65002})]},
  '2/2',
);
test('AS 0, even where it is expected', refuses, {as: 0}, '2/2', '', {...config, peerAs: 0});
test('identifier 0.0.0.0', refuses, {identifier: 0}, '2/3');
test('our identifier from a peer in our AS', refuses, {identifier: 0xc0000201}, '2/3', '', {...config, localAs: 65001});
test(
  'an optional parameter nobody knows',
  refuses,
  {parameters: [{kind: 'unknown', type: 1, value: octets('00')}]},
  '2/4',
);
test('a hold time of 1 s', refuses, {holdTime: 1}, '2/6');
test('a hold time of 2 s', refuses, {holdTime: 2}, '2/6');
test(
  'a peer that offers families without IPv4 unicast',
  refuses,
  {parameters: [parameter({kind: 'multiprotocol', afi: 2, safi: 1})]},
  '2/7',
  '0104 00010001',
);
