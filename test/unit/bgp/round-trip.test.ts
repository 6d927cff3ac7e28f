import test from 'ava';
import fc from 'fast-check';
import {decodeNotification, encodeNotification} from '../../../src/bgp/codec/notification.js';
import {decodeOpen, encodeOpen} from '../../../src/bgp/codec/open.js';
import {decodeRouteRefresh, encodeRouteRefresh} from '../../../src/bgp/codec/route-refresh.js';
import {decodeUpdate} from '../../../src/bgp/codec/update-decode.js';
import {encodeUpdate} from '../../../src/bgp/codec/update-encode.js';
import * as arbitrary from './arbitraries.js';
import {bodyOf} from './octets.js';

const survives = <Message>(
  kind: string,
  messages: fc.Arbitrary<Message>,
  encode: (message: Message) => Uint8Array,
  decode: (body: Uint8Array) => Message,
) =>
  test(`any ${kind} survives being sent and read`, t => {
    fc.assert(fc.property(messages, message => t.deepEqual(decode(bodyOf(encode(message))), message)));
  });

survives('OPEN', arbitrary.open, encodeOpen, decodeOpen);
survives('NOTIFICATION', arbitrary.notification, encodeNotification, decodeNotification);
survives('ROUTE-REFRESH', arbitrary.routeRefresh, encodeRouteRefresh, decodeRouteRefresh);

const updateSurvives = test.macro({
  title: (_given, asWidth: 2 | 4) => `any UPDATE survives a session with AS numbers of ${asWidth} octets`,
  exec(t, asWidth: 2 | 4) {
    const property = fc.property(arbitrary.update, update => {
      const decoded = decodeUpdate(bodyOf(encodeUpdate(update, asWidth)), {asWidth, external: false});
      t.deepEqual(decoded.update, update);
      t.is(decoded.treatAsWithdraw, undefined);
      t.deepEqual(decoded.discarded, []);
    });
    fc.assert(property, {numRuns: 300});
  },
});
test(updateSurvives, 4);
test(updateSurvives, 2);
