// Other implementations of TLS and HTTP/2 than our own: BoringSSL and the C core of gRPC, and those of Go.
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {identityOf} from '../../src/access/caller.js';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {fixedTls} from '../../src/rpc/tls-credentials.js';
import {type Issued, spireCa, TestCa} from '../certificates.js';
import {temporaryFolder} from '../temporary-folder.js';
import {serve} from './plumbing.js';
import {missingPython, runScript, virtualEnvironment} from './python.js';
import {credentialsOf, serveTls} from './tls-world.js';

const buf = join(createRequire(import.meta.url).resolve('@bufbuild/buf/package.json'), '../bin/buf');
const id = 'spiffe://example.org/controller';

/** Files of a client: CA, certificate, key. */
async function clientFiles(folder: string, ca: TestCa, {cert, key}: Issued): Promise<[string, string, string]> {
  const paths: [string, string, string] = [join(folder, 'ca.crt'), join(folder, 'tls.crt'), join(folder, 'tls.key')];
  for (const [index, text] of [ca.pem, cert, key].entries()) await writeFile(paths[index] ?? '', text);
  return paths;
}

const title = 'a client in Python with a certificate of SPIRE is known, and its calls work';
const reason = missingPython();

if (reason !== undefined && process.env.CI !== 'true') {
  test.skip(`${title} (${reason})`, t => t.fail());
} else {
  test(title, async t => {
    t.timeout(300_000); // the first time, packages are downloaded
    if (reason !== undefined) throw new Error(reason);
    const python = await virtualEnvironment();
    const ca = await spireCa();
    await using folder = await temporaryFolder();
    await using world = await serveTls({ca});
    const args = [`127.0.0.1:${world.port}`, ...(await clientFiles(folder.path, ca, await ca.svid(id)))];
    const answers = await runScript(python, {script: 'mutual_tls.py', modules: folder.path, args});
    t.deepEqual(answers, {small: 'hello', large: true, streamed: ['a', 'b', 'c']});
    t.deepEqual(
      world.accepted.map(({caller}) => identityOf(caller)),
      [id],
    );
  });
}

test('a client in Go with a certificate of SPIRE gets an answer, with what reflection tells it', async t => {
  const ca = await spireCa();
  await using folder = await temporaryFolder();
  const addresses = [parseListenAddress('tls:127.0.0.1:0')];
  await using world = await serve({}, {addresses, tls: fixedTls(await credentialsOf(ca))});
  const [caFile, cert, key] = await clientFiles(folder.path, ca, await ca.svid(id));
  const address = world.server.addresses[0]?.replace('tls:', '');
  const url = `https://${address}/grpc.health.v1.Health/Check`;
  const flags = ['--reflect', '--protocol', 'grpc', '--cacert', caFile, '--cert', cert, '--key', key];
  const {stdout} = await promisify(execFile)(process.execPath, [buf, 'curl', ...flags, url]);
  t.deepEqual(JSON.parse(stdout), {status: 'SERVING'});
});

test('a client in Go that does not know the CA refuses the daemon, and that is told apart', async t => {
  await using folder = await temporaryFolder();
  await using world = await serveTls();
  const stranger = await TestCa.create('another');
  const [caFile] = await clientFiles(folder.path, stranger, await world.ca.client({subject: 'CN=controller'}));
  const url = `https://127.0.0.1:${world.port}/grpc.health.v1.Health/Check`;
  await t.throwsAsync(
    promisify(execFile)(process.execPath, [buf, 'curl', '--protocol', 'grpc', '--cacert', caFile, url]),
  );
  t.is((await world.failure()).reason, 'refused-by-client');
});
