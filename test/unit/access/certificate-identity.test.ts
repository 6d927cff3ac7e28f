import {X509Certificate} from 'node:crypto';
import test from 'ava';
import {identityOf} from '../../../src/access/caller.js';
import {identityIn, NoIdentity} from '../../../src/access/certificate-identity.js';
import {type CertificateOptions, dns, ip, spireCa, TestCa, uri} from '../../certificates.js';

const authority = TestCa.create();
const email = {type: 'email', value: 'a@a.example'} as const;

async function identity(options: CertificateOptions): Promise<string> {
  const {cert} = await (await authority).client(options);
  return identityOf(identityIn([new X509Certificate(cert)]));
}

const named: [what: string, options: CertificateOptions, identity: string][] = [
  ['its SPIFFE ID', {names: [uri('spiffe://example.org/a')]}, 'spiffe://example.org/a'],
  [
    'its SPIFFE ID before DNS and common name',
    {subject: 'CN=c', names: [dns('b.example'), uri('spiffe://e/a')]},
    'spiffe://e/a',
  ],
  ['its first DNS name, in lower case', {names: [dns('B.Example'), dns('a.example')]}, 'dns:b.example'],
  [
    'its DNS name where the URI is no SPIFFE ID',
    {names: [uri('https://a.example/'), dns('a.example')]},
    'dns:a.example',
  ],
  ['its DNS name beside names of other kinds', {names: [ip('192.0.2.1'), email, dns('a.example')]}, 'dns:a.example'],
  [
    'its common name where it has names of other kinds only',
    {subject: 'CN=c', names: [ip('192.0.2.1'), email]},
    'cn:c',
  ],
  ['its common name', {subject: 'C=DE, O=Example, CN=Controller no. 1'}, 'cn:Controller no. 1'],
  ['its common name, in another script', {subject: 'CN=Ægir'}, 'cn:Ægir'],
  ['its common name, whatever that looks like', {subject: 'CN=spiffe://example.org/a'}, 'cn:spiffe://example.org/a'],
];
for (const [what, options, expected] of named) {
  test(`a certificate stands for ${what}`, async t => t.is(await identity(options), expected));
}

const spiffe = (path: string): CertificateOptions => ({subject: 'CN=c', names: [uri(path), dns('a.example')]});
const nameless: [what: string, options: CertificateOptions, because: RegExp][] = [
  ['no name at all', {}, /no SPIFFE ID, no DNS name and no common name/],
  ['names of other kinds only', {names: [ip('192.0.2.1'), email]}, /no SPIFFE ID, no DNS name and no common name/],
  ['two SPIFFE IDs', {names: [uri('spiffe://e/a'), uri('spiffe://e/b')]}, /no second URI/],
  ['a SPIFFE ID and another URI', {names: [uri('https://a.example/'), uri('spiffe://e/b')]}, /no second URI/],
  ['a trust domain for a SPIFFE ID', spiffe('spiffe://example.org'), /names the trust domain/],
  ['a SPIFFE ID with a slash at its end', spiffe('spiffe://example.org/a/'), /empty segment/],
  ['a SPIFFE ID that climbs', spiffe('spiffe://example.org/a/../b'), /segment \.\./],
  ['a SPIFFE ID with a port', spiffe('spiffe://example.org:80/a'), /trust domain/],
  ['a SPIFFE ID with a query', spiffe('spiffe://example.org/a?b'), /path segment/],
  ['a SPIFFE ID with a wildcard', spiffe('spiffe://example.org/*'), /path segment/],
  ['a SPIFFE ID with a NUL', spiffe('spiffe://example.org/a\0b'), /path segment/],
  ['a SPIFFE ID with a comma', spiffe('spiffe://example.org/a, DNS:b'), /path segment/],
  ['a SPIFFE ID in capitals', spiffe('SPIFFE://example.org/a'), /begins with spiffe:/],
  ['a DNS name with a wildcard', {subject: 'CN=c', names: [dns('*.example.org')]}, /part "\*"/],
  ['a DNS name with a NUL', {names: [dns('a.example\0.b.example')]}, /DNS name/],
  ['a DNS name that looks like two', {names: [dns('a.example, DNS:b.example')]}, /DNS name/],
  ['a DNS name that looks like a URI', {names: [dns('a, URI:spiffe://example.org/admin')]}, /DNS name/],
  ['a DNS name in quotes', {names: [dns('"a.example"')]}, /DNS name/],
  ['an empty DNS name', {subject: 'CN=c', names: [dns('')]}, /DNS name is missing/],
  ['a DNS name that is an address', {names: [dns('192.0.2.1')]}, /address is not a DNS name/],
  ['two common names', {subject: [{CN: ['a', 'b']}]}, /several common names/],
  ['a common name with a NUL', {subject: [{CN: ['a\0b']}]}, /not a plain name/],
  ['a common name with a line break', {subject: [{CN: ['a\nCN=b']}]}, /not a plain name/],
  ['a common name with a comma', {subject: [{CN: ['a, CN=b']}]}, /not a plain name/],
  ['a common name with a quote', {subject: [{CN: ['a"b']}]}, /not a plain name/],
  ['a common name with a mark that turns text around', {subject: [{CN: ['a\u202eb']}]}, /not a plain name/],
  ['a common name with white space at its end', {subject: [{CN: ['a ']}]}, /not a plain name/],
  ['a common name of 65 characters', {subject: [{CN: ['a'.repeat(65)]}]}, /not a plain name/],
  ['a common name that is a wildcard', {subject: 'CN=*'}, /not a plain name/],
];
for (const [what, options, because] of nameless) {
  test(`a certificate with ${what} stands for nobody`, async t => {
    const {message} = await t.throwsAsync(identity(options), {instanceOf: NoIdentity});
    t.regex(message, because);
  });
}

test('a CA that has a SPIFFE ID with a path is no workload', async t => {
  const {cert} = await (await authority).client({names: [uri('spiffe://example.org/a')], isCa: true});
  t.throws(() => identityIn([new X509Certificate(cert)]), {instanceOf: NoIdentity, message: /CA is no workload/});
});

test('a SPIFFE ID is of the trust domain of its CA, where that has one', async t => {
  const [plain, own, other] = [await authority, await spireCa('example.org'), await spireCa('example.net')];
  const chain = async (...issuers: TestCa[]) => {
    const {cert} = await own.svid('spiffe://example.org/a');
    return [cert, ...issuers.map(({pem}) => pem)].map(pem => new X509Certificate(pem));
  };
  t.is(identityIn(await chain(own)).name, 'spiffe://example.org/a');
  t.is(identityIn(await chain(plain)).name, 'spiffe://example.org/a');
  for (const issuers of [[other], [plain, other], [own, other]]) {
    const certificates = await chain(...issuers);
    t.throws(() => identityIn(certificates), {instanceOf: NoIdentity, message: /spiffe:\/\/example.net cannot vouch/});
  }
});
