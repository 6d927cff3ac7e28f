import test from 'ava';
import {asPathLength, formatAsPath} from '../../../src/bgp/codec/as-path.js';
import {encodeCapability} from '../../../src/bgp/codec/capability.js';
import {decodeNotification} from '../../../src/bgp/codec/notification.js';
import {capabilitiesOf, decodeOpen, encodeOpen} from '../../../src/bgp/codec/open.js';
import {type PrefixList, prefixesIn} from '../../../src/bgp/codec/prefix-list.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeUpdate} from '../../../src/bgp/codec/update-encode.js';
import {describeNotification} from '../../../src/bgp/notification-text.js';
import {negotiate} from '../../../src/bgp/session-parameters.js';
import {formatIpv4, formatPrefix, ipv4} from '../../../src/ip/ipv4.js';
import {
  type NotificationFixture,
  notifications,
  type OpenFixture,
  opens,
  type UpdateFixture,
  updates,
} from '../../fixtures/bgp-messages.js';
import {bodyOf, octets} from './octets.js';

const readsOpen = test.macro({
  title: (_given, {source}: OpenFixture) => `reads an OPEN ${source}`,
  exec(t, {hex, peerAs, holdTime, capabilities}: OpenFixture) {
    const message = octets(hex);
    const open = decodeOpen(bodyOf(message));
    t.deepEqual(
      capabilitiesOf(open).map(capability => encodeCapability(capability)[0]),
      [...capabilities],
    );
    t.is(open.holdTime, holdTime);
    t.is(negotiate({localAs: 65000, peerAs, bgpIdentifier: ipv4(1), holdTime: 90}, open).peerAs, peerAs);
    t.deepEqual(encodeOpen(open), message);
  },
});
for (const fixture of opens) test(readsOpen, fixture);

const textsOf = (list: PrefixList) => prefixesIn(list).map(formatPrefix);

const readsUpdate = test.macro({
  title: (_given, {source}: UpdateFixture) => `reads an UPDATE ${source}`,
  exec(t, {hex, asWidth, announced, withdrawn, asPath}: UpdateFixture) {
    const decoded = decodeUpdate(bodyOf(octets(hex)), {asWidth, external: true});
    const announcements = decoded.announcements.flatMap(({nextHop, nlri}) =>
      textsOf(nlri).map(prefix => `${prefix} via ${formatIpv4(nextHop)}`),
    );
    t.deepEqual(announcements, [...announced]);
    t.deepEqual(decoded.withdrawals.flatMap(textsOf), [...withdrawn]);
    t.is(formatAsPath(decoded.update.pathAttributes.asPath ?? []), asPath);
    t.is(asPathLength(decoded.update.pathAttributes.asPath ?? []), asPath === '' ? 0 : asPath.split(' ').length);
    t.is(decoded.treatAsWithdraw, undefined);
    t.deepEqual(decoded.discarded, []);
    t.false(decoded.endOfRib);
    const again = bodyOf(encodeUpdate(decoded.update, asWidth));
    t.deepEqual(decodeUpdate(again, {asWidth, external: true}).announcements, decoded.announcements);
  },
});
for (const fixture of updates) test(readsUpdate, fixture);

const readsNotification = test.macro({
  title: (_given, {source, text}: NotificationFixture) => `tells "${text}" from what was ${source}`,
  exec(t, {hex, text}: NotificationFixture) {
    t.is(describeNotification('peer', decodeNotification(bodyOf(octets(hex)))), text);
  },
});
for (const fixture of notifications) test(readsNotification, fixture);
