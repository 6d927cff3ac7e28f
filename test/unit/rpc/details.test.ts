import test from 'ava';
import {retryInfo} from '../../../src/rpc/details.js';
import {RetryInfo} from '../../../src/rpc/generated/google/rpc/error_details.js';

for (const [milliseconds, seconds, nanos] of [
  [1, 0n, 1_000_000],
  [100, 0n, 100_000_000],
  [1000, 1n, 0],
  [59_999, 59n, 999_000_000],
  [60_000, 60n, 0],
] as const) {
  test(`to come again after ${milliseconds} ms is a duration of ${seconds} s and ${nanos} ns`, t => {
    const {typeUrl, value} = retryInfo(milliseconds);
    t.is(typeUrl, 'type.googleapis.com/google.rpc.RetryInfo');
    t.deepEqual(RetryInfo.decode(value).retryDelay, {seconds, nanos});
  });
}
