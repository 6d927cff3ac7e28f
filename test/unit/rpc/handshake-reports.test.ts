import test from 'ava';
import {handshakeFailureReasons} from '../../../src/rpc/handshake-failure.js';
import {HandshakeReports} from '../../../src/rpc/handshake-reports.js';
import {Metrics} from '../../../src/telemetry/metrics.js';
import {recordingLog} from '../../recording-log.js';

const failure = {reason: 'certificate', peer: '192.0.2.1:40000', detail: 'CERT_HAS_EXPIRED'} as const;

function world() {
  let now = 0;
  const {lines, log} = recordingLog();
  const metrics = new Metrics();
  const reports = new HandshakeReports(metrics, log, () => now);
  return {
    lines,
    reports,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    async counts() {
      const {values} = await metrics.handshakeFailures.get();
      return Object.fromEntries(values.map(({labels, value}) => [labels.reason, value]));
    },
  };
}

test('every reason is counted from 0', async t => {
  const {reports, counts} = world();
  t.deepEqual(await counts(), Object.fromEntries(handshakeFailureReasons.map(reason => [reason, 0])));
  reports.report(failure);
  reports.report(failure);
  t.like(await counts(), {certificate: 2, tls: 0});
});

test('of a flood there is a line a second for each reason, with the number since', t => {
  const {reports, lines, pass} = world();
  for (let count = 0; count < 100; count += 1) reports.report(failure);
  reports.report({...failure, reason: 'tls', detail: 'ERR_SSL_HTTP_REQUEST'});
  pass(1000);
  reports.report(failure);
  t.deepEqual(
    lines.map(({level, message, reason, times}) => [level, message, reason, times]),
    [
      ['warn', 'connection.failed', 'certificate', 1],
      ['warn', 'connection.failed', 'tls', 1],
      ['warn', 'connection.failed', 'certificate', 100],
    ],
  );
  t.like(lines[0], failure);
});
