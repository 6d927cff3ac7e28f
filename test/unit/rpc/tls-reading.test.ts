import {execFileSync} from 'node:child_process';
import {createPrivateKey, type KeyExportOptions} from 'node:crypto';
import {chmod, chown, mkdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import test from 'ava';
import type {TlsFiles} from '../../../src/config/tls-files.js';
import {TlsError} from '../../../src/rpc/tls-error.js';
import {readTls} from '../../../src/rpc/tls-reading.js';
import {type CertificateOptions, day, fromNow, rsa, TestCa, writeTlsFiles} from '../../certificates.js';
import {temporaryFolder} from '../../temporary-folder.js';

const authority = TestCa.create();
const another = TestCa.create('another');

/** Files that are as they should be, in a folder of their own, until `change` has been at them. */
async function filesAfter(change: (files: TlsFiles, ca: TestCa) => Promise<unknown> = async () => {}) {
  const folder = await temporaryFolder();
  const ca = await authority;
  const files = await writeTlsFiles(folder.path, await ca.server(), ca.pem);
  await change(files, ca);
  return {files, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]()};
}

const rewrite = async ({cert, key}: TlsFiles, options: CertificateOptions) => {
  const issued = await (await authority).server(options);
  await writeFile(cert, issued.cert);
  await writeFile(key, issued.key);
};
const encrypted = {cipher: 'aes-256-cbc', passphrase: 'secret'};

/** Writes the key in another form. */
const exportKey = async ({key}: TlsFiles, options: KeyExportOptions<'pem'>, before = '') =>
  writeFile(key, before + createPrivateKey(await readFile(key)).export(options));

type Flag = keyof Omit<TlsFiles, 'minVersion'>;
type Wrong = [what: string, flag: Flag, problem: RegExp, change: (files: TlsFiles, ca: TestCa) => Promise<unknown>];

const flags: readonly Flag[] = ['cert', 'key', 'clientCa'];
const flagNames = {cert: '--tls-cert', key: '--tls-key', clientCa: '--tls-client-ca'} as const;

const forEachFile = flags.flatMap((flag): Wrong[] => [
  [`no file`, flag, /does not exist/, files => rm(files[flag])],
  [
    'a link that leads nowhere',
    flag,
    /does not exist/,
    async files => {
      await rm(files[flag]);
      await symlink('gone', files[flag]);
    },
  ],
  [
    'a directory',
    flag,
    /is a directory/,
    async files => {
      await rm(files[flag]);
      await mkdir(files[flag]);
    },
  ],
  [
    'a FIFO',
    flag,
    /is not a regular file/,
    async files => {
      await rm(files[flag]);
      execFileSync('mkfifo', [files[flag]]);
    },
  ],
  ['an empty file', flag, /is empty/, files => writeFile(files[flag], '\n')],
  ['no PEM', flag, /is not PEM/, files => writeFile(files[flag], Buffer.from([0x30, 0x82, 1, 0]))],
  ['a large file', flag, /is larger than/, files => writeFile(files[flag], Buffer.alloc(5 * 1024 * 1024))],
  [
    'a block without an end',
    flag,
    /is damaged/,
    files => writeFile(files[flag], '-----BEGIN CERTIFICATE-----\nMIIB\n'),
  ],
  [
    'a public key',
    flag,
    /has no (certificate|private key) in it/,
    files => writeFile(files[flag], '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n'),
  ],
]);

const ofOneFile: Wrong[] = [
  [
    'nonsense in a certificate',
    'cert',
    /certificate \(number 1\) that cannot be read/,
    ({cert}) => writeFile(cert, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
  ],
  [
    'nonsense in a key',
    'key',
    /private key that cannot be read/,
    ({key}) => writeFile(key, '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n'),
  ],
  [
    'the key of another certificate',
    'key',
    /is not the key of the certificate in --tls-cert \/.*tls\.crt$/,
    async ({key}, ca) => writeFile(key, (await ca.server()).key),
  ],
  [
    'an expired certificate',
    'cert',
    /has a certificate that expired at 20..-/,
    files => rewrite(files, {notBefore: fromNow(-2 * day), notAfter: fromNow(-1000)}),
  ],
  [
    'a certificate that is not valid yet',
    'cert',
    /has a certificate that is not valid before 20..-/,
    files => rewrite(files, {notBefore: fromNow(day)}),
  ],
  ['a certificate for clients only', 'cert', /is not for servers/, files => rewrite(files, {usages: ['clientAuth']})],
  [
    'a short RSA key',
    'key',
    /RSA key of 1024 bits, and TLS asks for 2048/,
    files => rewrite(files, {algorithm: rsa(1024)}),
  ],
  [
    'a key that everyone may read',
    'key',
    /is open to everyone \(mode 0644\): `chmod o=` closes it/,
    ({key}) => chmod(key, 0o644),
  ],
  ['a key that everyone may write to', 'key', /is open to everyone \(mode 0602\)/, ({key}) => chmod(key, 0o602)],
  [
    'a key that its group may write to',
    'key',
    /may be written to by its group \(mode 0660\)/,
    ({key}) => chmod(key, 0o660),
  ],
  ['an encrypted key', 'key', /is encrypted/, files => exportKey(files, {type: 'pkcs8', format: 'pem', ...encrypted})],
  [
    'an encrypted key of the old kind',
    'key',
    /is encrypted/,
    files => exportKey(files, {type: 'sec1', format: 'pem', ...encrypted}),
  ],
  [
    'two keys',
    'key',
    /several private keys/,
    async ({key}, ca) => writeFile(key, (await ca.server()).key + (await ca.server()).key),
  ],
  [
    'a CA that is none',
    'clientCa',
    /the certificate "CN=doublezerod" in it, which is not a CA's/,
    async ({clientCa}, ca) => writeFile(clientCa, ca.pem + (await ca.server()).cert),
  ],
  [
    'an intermediate CA alone',
    'clientCa',
    /has the certificate "CN=below" in it, which vouches for nobody without the CA above it$/,
    async ({clientCa}, ca) => writeFile(clientCa, (await ca.intermediate('below')).pem),
  ],
  [
    'CAs that have all expired',
    'clientCa',
    /has the certificate "CN=old" in it, which expired at/,
    async ({clientCa}) => writeFile(clientCa, (await TestCa.create('old', {notAfter: fromNow(-1000)})).pem),
  ],
];

for (const [what, flag, problem, change] of [...forEachFile, ...ofOneFile]) {
  test(`${flagNames[flag]} with ${what} is refused, flag and file named`, async t => {
    await using world = await filesAfter(change);
    const {message} = t.throws(() => readTls(world.files), {instanceOf: TlsError});
    t.true(message.startsWith(`${flagNames[flag]}: ${world.files[flag]} `), message);
    t.regex(message, problem);
    t.false(message.includes('; --'), message);
  });
}

test('all that is wrong is told at once', async t => {
  await using world = await filesAfter(async ({cert, key, clientCa}) => {
    await rm(cert);
    await chmod(key, 0o644);
    await writeFile(clientCa, 'none');
  });
  const {problems} = t.throws(() => readTls(world.files), {instanceOf: TlsError});
  t.deepEqual(
    problems.map(({flag}) => flag),
    ['--tls-cert', '--tls-key', '--tls-client-ca'],
  );
});

test('what is as it should be is read, with nothing to warn of', async t => {
  await using world = await filesAfter();
  const {credentials, validity, warnings} = readTls(world.files);
  t.deepEqual(warnings, []);
  t.is(credentials.clientCa, (await authority).pem);
  t.deepEqual(
    validity.map(({flag}) => flag),
    ['--tls-cert', '--tls-client-ca'],
  );
  for (const {to} of validity) t.true(Math.abs(to.getTime() - Date.now() - 365 * day) < day);
});

test('text around the blocks, CRLF, an RSA key and a chain in order are taken as they are', async t => {
  await using world = await filesAfter(async ({cert, key}, ca) => {
    const below = await ca.intermediate('below');
    const issued = await below.server({algorithm: rsa(2048)});
    await writeFile(cert, `the server\n${issued.cert.replaceAll('\n', '\r\n')}the end\n`);
    await writeFile(key, `# key\n${issued.key}`);
  });
  t.deepEqual(readTls(world.files).warnings, []);
});

test('a bundle of several roots, and of a CA with the one above it, is taken as it is', async t => {
  await using world = await filesAfter(async ({clientCa}, ca) => {
    const below = await ca.intermediate('below');
    await writeFile(clientCa, below.pem + (await another).pem + ca.pem);
  });
  t.deepEqual(readTls(world.files).warnings, []);
});

test('certificate and key may be in one file', async t => {
  await using world = await filesAfter(async ({key}, ca) => {
    const issued = await ca.server();
    await writeFile(key, issued.key + issued.cert);
  });
  t.notThrows(() => readTls({...world.files, cert: world.files.key}));
});

test('keys as OpenSSL has written them, with parameters in front, are read', async t => {
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  await using elliptic = await filesAfter(files => exportKey(files, {type: 'sec1', format: 'pem'}, parameters));
  t.notThrows(() => readTls(elliptic.files));
  await using world = await filesAfter(async files => {
    await rewrite(files, {algorithm: rsa(2048)});
    await exportKey(files, {type: 'pkcs1', format: 'pem'});
  });
  t.notThrows(() => readTls(world.files));
});

const warned: [what: string, warning: RegExp, change: Wrong[3]][] = [
  [
    'an expired CA beside a good one',
    /^--tls-client-ca has the certificate "CN=old" in it, which expired at/,
    async ({clientCa}, ca) =>
      writeFile(clientCa, ca.pem + (await TestCa.create('old', {notAfter: fromNow(-1000)})).pem),
  ],
  [
    'a chain out of order',
    /^--tls-cert is not in order: the certificate "CN=another" has not issued/,
    async ({cert, key}, ca) => {
      const issued = await ca.server();
      await writeFile(cert, issued.cert + (await another).pem);
      await writeFile(key, issued.key);
    },
  ],
  [
    'a chain with an expired CA',
    /^--tls-cert has the certificate "CN=below" in its chain, which expired/,
    async ({cert, key}, ca) => {
      const issued = await (await ca.intermediate('below', {notAfter: fromNow(-1000)})).server();
      await writeFile(cert, issued.cert);
      await writeFile(key, issued.key);
    },
  ],
  [
    'no alternative names',
    /^--tls-cert has a certificate without subject alternative names/,
    files => rewrite(files, {names: []}),
  ],
];
for (const [what, warning, change] of warned) {
  test(`${what} is warned of`, async t => {
    await using world = await filesAfter(change);
    const {warnings} = readTls(world.files);
    t.is(warnings.length, 1);
    t.regex(warnings.map(({flag, problem}) => `${flag} ${problem}`).join(), warning);
  });
}

const asRoot = process.getuid?.() === 0 ? test : test.skip; // only root can give files away
const group = 54_321;

asRoot("a key that root has given to a group may be read by it, and another user's may not", async t => {
  await using world = await filesAfter(async ({key}) => {
    await chmod(key, 0o440);
    await chown(key, 0, group);
  });
  t.notThrows(() => readTls(world.files));
  await chown(world.files.key, 54_321, group);
  t.throws(() => readTls(world.files), {
    message: /open to a group that the daemon is not in \(mode 0440, group 54321\)/,
  });
  await chown(world.files.key, 54_321, process.getegid?.() ?? 0);
  t.notThrows(() => readTls(world.files));
});
