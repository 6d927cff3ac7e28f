import {once} from 'node:events';
import {type ClientHttp2Session, connect} from 'node:http2';
import test from 'ava';
import {RemoveTunnelResponse} from '../../src/rpc/generated/doublezero/tunnel/v1/teardown.js';
import {TunnelEvent} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {recordingAudit} from './access.js';
import {serve} from './plumbing.js';
import {message} from './raw-http2.js';

const service = '/doublezero.tunnel.v1.TunnelService';

/** A server that keeps the names of the handlers that were reached, and a connection to it without gRPC. */
async function serveRaw() {
  const reached: string[] = [];
  const {records, audit} = recordingAudit();
  const removeTunnel = {
    handle() {
      reached.push('RemoveTunnel');
      return RemoveTunnelResponse.create();
    },
    summary: () => ({}),
    toJson: () => ({}),
  };
  const watchTunnels = {
    async *handle() {
      reached.push('WatchTunnels');
      yield TunnelEvent.create();
    },
  };
  const world = await serve({watchTunnels, removeTunnel}, {audit});
  const session = connect(`http://${world.server.addresses[0]}`);
  return {
    reached,
    records,
    lines: world.lines,
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Asks for something else. What came before on the connection has been read when it is answered. */
async function answerOf(session: ClientHttp2Session): Promise<void> {
  const stream = session.request({...request, ':path': '/grpc.health.v1.Health/None'}, {endStream: true});
  await once(stream.resume(), 'close');
}

const request = {':method': 'POST', 'content-type': 'application/grpc', te: 'trailers'};

/** A request with a message and without an end. Resolves to the gRPC status that it is answered with, and ends it then. */
async function answeredBeforeItsEnd(
  session: ClientHttp2Session,
  path: string,
  {headers = {}, more = Buffer.alloc(0)}: {readonly headers?: Record<string, string>; readonly more?: Buffer},
): Promise<string> {
  const stream = session.request({...request, ':path': path, ...headers}, {endStream: false});
  stream.write(message(Buffer.alloc(0)));
  if (more.length > 0) {
    await answerOf(session); // by then the first message was read alone
    stream.write(more);
  }
  const [answer] = await once(stream, 'response');
  stream.resume().end();
  await once(stream, 'close');
  return String(answer['grpc-status']);
}

const endings = {
  'is past its deadline': {how: {headers: {'grpc-timeout': '50m'}}, code: '4'},
  'has a second message that is too large': {how: {more: message(Buffer.alloc(0), {length: 2 ** 30})}, code: '8'},
} as const;

for (const [ending, {how, code}] of Object.entries(endings)) {
  for (const method of ['WatchTunnels', 'RemoveTunnel']) {
    test(`${method} is not begun when its request ends and it ${ending}`, async t => {
      await using world = await serveRaw();
      t.is(await answeredBeforeItsEnd(world.session, `${service}/${method}`, how), code);
      await answerOf(world.session);
      t.deepEqual(world.reached, []);
      t.deepEqual(world.records, []);
      t.false(world.lines.some(line => line.message === 'rpc.done'));
    });
  }
}
