import test from 'ava';
import {TlsExpiry} from '../../../src/rpc/tls-expiry.js';
import type {Validity} from '../../../src/rpc/tls-reading.js';
import {Metrics} from '../../../src/telemetry/metrics.js';
import {recordingLog} from '../../recording-log.js';

const hour = 3600 * 1000;
const day = 24 * hour;
const start = Date.parse('2026-01-01T00:00:00Z');

/** A certificate valid for so many days, and what is said of it. */
function watched(days: number) {
  let now = start;
  const {lines, log} = recordingLog();
  const metrics = new Metrics();
  const expiry = new TlsExpiry(log, metrics, () => new Date(now));
  const valid = (lifetime: number): Validity[] => [
    {flag: '--tls-cert', file: '/tls.crt', from: new Date(now), to: new Date(now + lifetime)},
  ];
  expiry.use(valid(days * day));
  return {
    /** The lines that come when so much time goes by, hour by hour. */
    pass(milliseconds: number) {
      const before = lines.length;
      for (let passed = 0; passed < milliseconds; passed += hour) {
        now += hour;
        expiry.look();
      }
      return lines.slice(before);
    },
    renew: (lifetime: number) => expiry.use(valid(lifetime)),
    async daysLeft() {
      const {values} = await metrics.tlsDaysToExpiry.get();
      return values.find(({labels}) => labels.file === 'tls-cert')?.value;
    },
  };
}

test('days to expiry are a metric all the time', async t => {
  const certificate = watched(365);
  t.is(await certificate.daysLeft(), 365);
  certificate.pass(1.5 * day);
  t.is(await certificate.daysLeft(), 363.5);
  certificate.pass(365 * day);
  t.is(await certificate.daysLeft(), -1.5);
});

test('nothing is logged until 30 days before the end, then a warning a day, in the last 7 days an error a day', t => {
  const certificate = watched(365);
  t.deepEqual(certificate.pass(335 * day), []);
  const warnings = certificate.pass(23 * day);
  t.is(warnings.length, 23);
  t.true(warnings.every(({level, message}) => level === 'warn' && message === 'tls.expires'));
  t.like(warnings[0], {flag: '--tls-cert', file: '/tls.crt', days: 29, end: '2027-01-01T00:00:00.000Z'});
  const errors = certificate.pass(7 * day - hour);
  t.is(errors.length, 7);
  t.true(errors.every(({level, message}) => level === 'error' && message === 'tls.expires'));
  const expired = certificate.pass(2 * day);
  t.is(expired.length, 2);
  t.true(expired.every(({level, message}) => level === 'error' && message === 'tls.expired'));
});

test('a renewed certificate is not warned of, and is when its own end is near', t => {
  const certificate = watched(90);
  t.is(certificate.pass(61 * day).length, 1);
  certificate.renew(90 * day);
  t.deepEqual(certificate.pass(60 * day), []);
  t.is(certificate.pass(day).length, 1);
});

test('one that lives a day is warned of in its last third, not all its life', t => {
  const certificate = watched(1);
  t.deepEqual(certificate.pass(16 * hour), []);
  t.deepEqual(
    certificate.pass(8 * hour).map(({level}) => level),
    ['warn', 'error'],
  );
});
