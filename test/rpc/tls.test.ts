import {once} from 'node:events';
import {status} from '@grpc/grpc-js';
import test from 'ava';
import {identityOf} from '../../src/access/caller.js';
import type {HandshakeFailure} from '../../src/rpc/handshake-failure.js';
import {dns, rsa, spireCa, TestCa, uri} from '../certificates.js';
import {serveTls} from './tls-world.js';

const names: [what: string, options: Parameters<TestCa['client']>[0], identity: string][] = [
  ['a SPIFFE ID', {names: [uri('spiffe://example.org/controller')]}, 'spiffe://example.org/controller'],
  [
    'a SPIFFE ID beside other names',
    {subject: 'CN=other', names: [dns('other.example'), uri('spiffe://example.org/controller')]},
    'spiffe://example.org/controller',
  ],
  ['a DNS name', {names: [dns('Controller.Example.org'), dns('second.example.org')]}, 'dns:controller.example.org'],
  ['a DNS name beside a common name', {subject: 'CN=other', names: [dns('a.example')]}, 'dns:a.example'],
  ['a common name', {subject: 'O=Example, CN=controller 1'}, 'cn:controller 1'],
  ['an RSA key', {subject: 'CN=controller', algorithm: rsa(2048)}, 'cn:controller'],
];
for (const [what, options, identity] of names) {
  test(`a client whose certificate has ${what} is ${identity}`, async t => {
    await using world = await serveTls();
    const client = world.client(await world.ca.client(options));
    t.is(String(await client.once(Buffer.from('hello'))), 'hello');
    const [connection] = world.accepted;
    t.is(connection && identityOf(connection.caller), identity);
    t.regex(connection?.peer ?? '', /^127\.0\.0\.1:[1-9][0-9]*$/);
  });
}

test('certificates of a SPIRE server are taken as they are, of an intermediate CA too', async t => {
  const root = await spireCa('example.org');
  await using world = await serveTls({ca: root});
  const below = await root.intermediate('SPIRE downstream', {names: [uri('spiffe://example.org')]});
  for (const issuer of [root, below]) {
    const client = world.client(await issuer.svid('spiffe://example.org/ns/default/sa/controller'));
    await client.once(Buffer.from('hello'));
  }
  const identities = world.accepted.map(({caller}) => identityOf(caller));
  t.deepEqual(identities, Array(2).fill('spiffe://example.org/ns/default/sa/controller'));
});

test('a certificate authority of one trust domain cannot vouch for another', async t => {
  const [own, other] = [await spireCa('example.org'), await spireCa('example.net')];
  const tls = {...(await own.server()), clientCa: own.pem + other.pem, minVersion: '1.3'} as const;
  await using world = await serveTls({ca: own, tls: {current: tls, onChange: () => () => {}}});
  world.connect(await other.svid('spiffe://example.org/controller'));
  const {reason, detail} = await world.failure();
  t.is(reason, 'identity');
  t.is(detail, 'spiffe://example.net cannot vouch for spiffe://example.org/controller');
  await world.client(await other.svid('spiffe://example.net/controller')).once(Buffer.from('hello'));
  t.pass();
});

type Refused = [
  what: string,
  reason: HandshakeFailure['reason'],
  detail: RegExp,
  client: (ca: TestCa) => Promise<object>,
];
const refused: Refused[] = [
  ['no certificate', 'no-certificate', /DID_NOT_RETURN_A_CERTIFICATE/, async () => ({})],
  [
    'a certificate of another CA',
    'certificate',
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY/,
    async () => (await TestCa.create('another')).client({subject: 'CN=controller'}),
  ],
  [
    'a certificate of another CA that has the same name',
    'certificate',
    /SIGNATURE/,
    async () => (await TestCa.create()).client({subject: 'CN=controller'}),
  ],
  [
    'an expired certificate',
    'certificate',
    /^CERT_HAS_EXPIRED$/,
    ca => ca.client({subject: 'CN=controller', notAfter: new Date(Date.now() - 1000)}),
  ],
  [
    'a certificate that is not valid yet',
    'certificate',
    /^CERT_NOT_YET_VALID$/,
    ca => ca.client({subject: 'CN=controller', notBefore: new Date(Date.now() + 3600_000)}),
  ],
  [
    'a certificate for servers only',
    'certificate',
    /^INVALID_PURPOSE$/,
    ca => ca.client({subject: 'CN=controller', usages: ['serverAuth']}),
  ],
  [
    'a certificate that it has signed itself',
    'certificate',
    /SELF_SIGNED/,
    async () => {
      const self = await TestCa.create('controller', {isCa: false});
      return {cert: self.pem, key: await self.privateKey()};
    },
  ],
  [
    'a short RSA key',
    'certificate',
    /^UNSPECIFIED$/,
    // Newer releases of OpenSSL would not show it by themselves.
    async ca => ({...(await ca.client({subject: 'CN=a', algorithm: rsa(1024)})), ciphers: 'DEFAULT@SECLEVEL=0'}),
  ],
  ['a certificate without a name', 'identity', /no SPIFFE ID, no DNS name and no common name/, ca => ca.client({})],
  [
    'two SPIFFE IDs',
    'identity',
    /no second URI/,
    ca => ca.client({names: [uri('spiffe://example.org/a'), uri('spiffe://example.org/b')]}),
  ],
  [
    'nothing newer than TLS 1.2',
    'version',
    /UNSUPPORTED_PROTOCOL/,
    async ca => ({...(await ca.client({subject: 'CN=a'})), maxVersion: 'TLSv1.2'}),
  ],
  [
    'another protocol than HTTP/2',
    'alpn',
    /NO_APPLICATION_PROTOCOL/,
    async ca => ({...(await ca.client({subject: 'CN=a'})), ALPNProtocols: ['http/1.1']}),
  ],
  [
    'no protocol',
    'alpn',
    /did not ask for h2/,
    async ca => ({...(await ca.client({subject: 'CN=a'})), ALPNProtocols: undefined}),
  ],
];
for (const [what, reason, detail, options] of refused) {
  test(`a client with ${what} is refused, and the reason told`, async t => {
    await using world = await serveTls();
    const socket = world.connect({}, await options(world.ca));
    const closed = once(socket, 'close').catch(() => {});
    const failure = await world.failure();
    t.is(failure.reason, reason);
    t.regex(failure.detail, detail);
    t.regex(failure.peer, /^127\.0\.0\.1:[1-9][0-9]*$/);
    await closed;
    t.deepEqual(world.accepted, []);
  });
}

test('TLS 1.2 is spoken where the flag allows it, with nothing older', async t => {
  await using world = await serveTls({minVersion: '1.2'});
  const client = await world.ca.client({subject: 'CN=controller'});
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = world.connect(client, {minVersion: version, maxVersion: version});
    await once(socket, 'secureConnect');
    t.is(socket.getProtocol(), version);
    t.regex(socket.getCipher().name, /GCM|CHACHA20/);
  }
  world.connect(client, {minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0'});
  t.is((await world.failure()).reason, 'version');
});

const suites = ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA'];
for (const ciphers of suites) {
  test(`TLS 1.2 with ${ciphers}, which HTTP/2 forbids, is refused`, async t => {
    await using world = await serveTls({minVersion: '1.2'});
    world.connect(await world.ca.client({subject: 'CN=controller'}), {maxVersion: 'TLSv1.2', ciphers});
    t.is((await world.failure()).reason, 'tls');
  });
}

test('a client that is refused for want of a certificate gets UNAVAILABLE', async t => {
  await using world = await serveTls();
  const client = world.client({});
  await t.throwsAsync(client.once(Buffer.from('hello')), {code: status.UNAVAILABLE as never});
});
