import {Metadata} from '@grpc/grpc-js';
import test from 'ava';
import {logGrpcThrough} from '../../../src/rpc/grpc-log.js';
import {recordingLog} from '../../recording-log.js';

test('what grpc-js says of bad metadata is a line of the log', t => {
  const {lines, log} = recordingLog();
  logGrpcThrough(log);
  Metadata.fromHttp2Headers({'x-text': 'ÿ'});
  t.is(lines.length, 1);
  t.like(lines[0], {level: 'warn', message: 'grpc.message'});
  t.regex(String(lines[0]?.text), /x-text/);
});
