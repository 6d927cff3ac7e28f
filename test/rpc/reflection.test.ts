import {once} from 'node:events';
import {connect} from 'node:http2';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import {serve} from './plumbing.js';
import {message} from './raw-http2.js';

const request = {':method': 'POST', 'content-type': 'application/grpc', te: 'trailers'};
/** `list_services`, field 7 of a ServerReflectionRequest: an answer has some hundred octets. */
const question = message(Buffer.of(0x3a, 0));
const questions = 20_000;

test('reflection reads no questions from a caller that does not take the answers, and answers them all once it does', async t => {
  await using world = await serve();
  const session = connect(`http://${world.server.addresses[0]}`);
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const stream = session.request({...request, ':path': path}, {endStream: false});
  stream.pause();
  stream.end(Buffer.concat(Array(questions).fill(question)));
  // Answered on the same connection, so the server has read what it is going to read.
  for (let call = 0; call < 50; call++) {
    const health = session.request({...request, ':path': '/grpc.health.v1.Health/None'}, {endStream: true});
    await once(health.resume(), 'close');
  }
  t.false(stream.writableFinished);
  const all = await buffer(stream);
  let answers = 0;
  for (let at = 0; at < all.length; at += 5 + all.readUInt32BE(at + 1)) answers += 1;
  t.is(answers, questions);
  session.destroy();
});
