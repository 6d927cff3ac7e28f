import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {createRequire} from 'node:module';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';
import test from 'ava';
import {protoPath as healthProto} from 'grpc-health-check';
import {DaemonInfo} from '../../src/rpc/generated/doublezero/tunnel/v1/daemon_info.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {ListenError} from '../../src/rpc/listen-error.js';
import {answer, serve, temporaryFolder} from './plumbing.js';

const require = createRequire(import.meta.url);
const root = join(require.resolve('@bufbuild/buf/package.json'), '../../../..');

/** A server with a Unix socket, IPv4 and IPv6. */
async function serveEverywhere() {
  const folder = await temporaryFolder();
  const texts = [join(folder.path, 'd.sock'), '127.0.0.1:0', '[::1]:0'];
  const world = await serve(
    {getDaemonInfo: {handle: () => DaemonInfo.create({netlinkBackend: 'memory', greSupported: true})}},
    {addresses: texts.map(text => parseListenAddress(text))},
  );
  return {
    ...world,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function connect(service: string, protoFile: string, address: string) {
  const path = service.split('.');
  const definition: unknown = loadPackageDefinition(loadSync(protoFile, {enums: String, defaults: true, oneofs: true}));
  const Client = path.reduce(
    (at, name) => (at as Record<string, unknown>)[name],
    definition,
  ) as ServiceClientConstructor;
  return new Client(address, credentials.createInsecure());
}

/** Output of `buf curl`, which knows nothing but what reflection tells it. */
async function curl(...args: string[]): Promise<string> {
  const buf = join(root, 'node_modules/.bin/buf');
  const common = ['curl', '--reflect', '--protocol', 'grpc', '--http2-prior-knowledge', '--emit-defaults'];
  return (await promisify(execFile)(buf, [...common, ...args])).stdout;
}

test('addresses are reported as bound', async t => {
  await using world = await serveEverywhere();
  const [unix, ipv4, ipv6] = world.server.addresses;
  t.regex(unix ?? '', /^unix:\/.*\/d\.sock$/);
  t.regex(ipv4 ?? '', /^127\.0\.0\.1:[1-9][0-9]*$/);
  t.regex(ipv6 ?? '', /^\[::1\]:[1-9][0-9]*$/);
});

test('health of the server and of the service is SERVING on every listener', async t => {
  await using world = await serveEverywhere();
  for (const address of world.server.addresses) {
    const client = connect('grpc.health.v1.Health', healthProto, address);
    for (const service of ['', 'doublezero.tunnel.v1.TunnelService']) {
      t.like(await answer(done => client.check?.({service}, done)), {status: 'SERVING'});
    }
    await t.throwsAsync(
      answer(done => client.check?.({service: 'another'}, done)),
      {code: 5 as never},
    );
    client.close();
  }
});

for (const version of ['v1', 'v1alpha']) {
  test(`reflection ${version} lists the services and describes them on every listener`, async t => {
    await using world = await serveEverywhere();
    const proto = join(root, `node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`);
    for (const address of world.server.addresses) {
      const client = connect(`grpc.reflection.${version}.ServerReflection`, proto, address);
      const stream: ClientDuplexStream<unknown, Record<string, never>> = client.ServerReflectionInfo?.() as never;
      stream.on('error', () => {}); // where the test fails, the server ends the stream
      const ask = async (request: object) => {
        stream.write(request);
        const [response] = (await once(stream, 'data')) as [Record<string, Record<string, unknown[]>>];
        return response;
      };
      const services = await ask({listServices: '*'});
      t.deepEqual(services.listServicesResponse?.service, [
        {name: 'doublezero.tunnel.v1.TunnelService'},
        {name: 'grpc.health.v1.Health'},
        {name: 'grpc.reflection.v1.ServerReflection'},
        {name: 'grpc.reflection.v1alpha.ServerReflection'},
      ]);
      const found = await ask({fileContainingSymbol: 'doublezero.tunnel.v1.TunnelService'});
      t.true((found.fileDescriptorResponse?.fileDescriptorProto?.length ?? 0) > 5);
      const detail = await ask({fileContainingSymbol: 'google.rpc.BadRequest'});
      t.truthy(detail.fileDescriptorResponse);
      const missing = await ask({fileContainingSymbol: 'no.such.Symbol'});
      t.like(missing.errorResponse, {errorCode: 5});
      stream.end();
      client.close();
    }
  });
}

test('a client that has only reflection prints fields under their proto names', async t => {
  await using world = await serveEverywhere();
  const [unix = '', ipv4] = world.server.addresses;
  const expected = {netlink_backend: 'memory', gre_supported: true, socket_abort_supported: false};
  const method = 'doublezero.tunnel.v1.TunnelService/GetDaemonInfo';
  t.like(JSON.parse(await curl(`http://${ipv4}/${method}`)), expected);
  const socket = unix.slice('unix:'.length);
  t.like(JSON.parse(await curl('--unix-socket', socket, `http://localhost/${method}`)), expected);
});

test('a client that has only reflection can list every method, and ask for health', async t => {
  await using world = await serveEverywhere();
  const [, address] = world.server.addresses;
  const methods = await curl(`http://${address}`, '--list-methods');
  t.true(methods.includes('doublezero.tunnel.v1.TunnelService/ProvisionTunnel'));
  t.true(methods.includes('grpc.health.v1.Health/Check'));
  t.deepEqual(JSON.parse(await curl(`http://${address}/grpc.health.v1.Health/Check`)), {status: 'SERVING'});
});

test('a port that another program listens on is an error that names flag and address', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const {port} = other.address() as {port: number};
  const address = parseListenAddress(`127.0.0.1:${port}`, '--listen');
  const error = await t.throwsAsync(serve({}, {addresses: [address]}), {instanceOf: ListenError});
  t.is(error.message, `--listen: cannot listen on 127.0.0.1:${port}: another program is listening there`);
  other.close();
});
