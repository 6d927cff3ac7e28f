import test from 'ava';
import fc from 'fast-check';
import {anonymous, type CertificateCaller, type LocalCaller} from '../../../src/access/caller.js';
import {parsePattern, patternsOf} from '../../../src/access/identity-pattern.js';

const certified = (nameKind: CertificateCaller['nameKind'], name: string): CertificateCaller => ({
  kind: 'certificate',
  nameKind,
  name,
});
const local = (uid: number, ...gids: number[]): LocalCaller => ({kind: 'local', uid, gids, pid: 1, program: 'test'});

const patternOf = (text: string): string => {
  const parsed = parsePattern(text);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return parsed.pattern;
};
const matches = (text: string, caller: CertificateCaller | LocalCaller | typeof anonymous) =>
  patternsOf(caller).includes(patternOf(text));

const is = test.macro({
  title: (_given, text: string, expected: boolean, kind: CertificateCaller['nameKind'], name: string) =>
    `${text} ${expected ? 'matches' : 'does not match'} the ${kind} name ${JSON.stringify(name).slice(0, 80)}`,
  exec(t, text: string, expected: boolean, kind: CertificateCaller['nameKind'], name: string) {
    t.is(matches(text, certified(kind, name)), expected);
  },
});

test(is, 'spiffe://example.org/a', true, 'spiffe', 'spiffe://example.org/a');
test(is, 'spiffe://example.org/a', false, 'spiffe', 'spiffe://example.org/A');
test(is, 'spiffe://example.org/a', false, 'spiffe', 'spiffe://example.org/a/b');
test(is, 'spiffe://example.org/a', false, 'spiffe', 'spiffe://example.org/a/');
test(is, 'spiffe://example.org/a/*', true, 'spiffe', 'spiffe://example.org/a/b');
test(is, 'spiffe://example.org/a/*', true, 'spiffe', 'spiffe://example.org/a/b/c');
test(is, 'spiffe://example.org/a/*', false, 'spiffe', 'spiffe://example.org/a');
test(is, 'spiffe://example.org/a/*', false, 'spiffe', 'spiffe://example.org/ab');
test(is, 'spiffe://example.org/a/*', false, 'spiffe', 'spiffe://example.org/a/');
test(is, 'spiffe://example.org/a/*', false, 'spiffe', 'spiffe://example.org/a/../b');
test(is, 'spiffe://example.org/a/*', false, 'spiffe', 'spiffe://example.org/a/*');
test(is, 'spiffe://example.org/*', true, 'spiffe', 'spiffe://example.org/a/b');
test(is, 'spiffe://example.org/*', false, 'spiffe', 'spiffe://example.org');
test(is, 'spiffe://example.org/*', false, 'spiffe', 'spiffe://example.organised/a');
test(is, 'spiffe://example.org/*', false, 'spiffe', 'spiffe://example.org.evil/a');
test(is, 'dns:host.example.org', true, 'dns', 'host.example.org');
test(is, 'dns:Host.Example.ORG', true, 'dns', 'host.example.org');
test(is, 'dns:host.example.org', true, 'dns', 'HOST.example.org');
test(is, 'dns:host.example.org', false, 'cn', 'host.example.org');
test(is, 'dns:host.example.org', false, 'dns', 'host.example.org.');
test(is, 'dns:*.example.org', true, 'dns', 'host.example.org');
test(is, 'dns:*.example.org', false, 'dns', 'example.org');
test(is, 'dns:*.example.org', false, 'dns', 'a.b.example.org');
test(is, 'dns:*.example.org', false, 'dns', 'badexample.org');
test(is, 'dns:*.example.org', false, 'dns', '*.example.org');
test(is, 'dns:*.example.org', false, 'dns', '.example.org');
test(is, 'dns:*.example.org', false, 'dns', 'host\0.example.org');
test(is, 'dns:*.example.org', false, 'dns', 'host.example.org\n');
test(is, 'dns:localhost', true, 'dns', 'localhost');
test(is, 'cn:legacy', true, 'cn', 'legacy');
test(is, 'cn:legacy', false, 'cn', 'Legacy');
test(is, 'cn:legacy', false, 'dns', 'legacy');
test(is, 'cn:A controller, of old', true, 'cn', 'A controller, of old');
test(is, 'cn:uid:0', false, 'dns', 'uid:0');
test(is, 'anonymous', false, 'cn', 'anonymous');

test('a user is known by its uid, and by each of its groups', t => {
  t.true(matches('uid:1000', local(1000, 27)));
  t.false(matches('uid:27', local(1000, 27)));
  t.true(matches('gid:27', local(1000, 1000, 27)));
  t.true(matches('gid:1000', local(1000, 1000, 27)));
  t.false(matches('gid:28', local(28, 27)));
  t.false(matches('uid:100', local(1000)));
  t.false(matches('anonymous', local(0, 0)));
});

test('a group that a user has twice counts once', t => t.deepEqual(patternsOf(local(1, 2, 2)), ['uid:1', 'gid:2']));

test('who has shown nothing is anonymous and nothing else', t => t.deepEqual(patternsOf(anonymous), ['anonymous']));

test('a common name cannot pass for anybody else', t => {
  for (const name of ['uid:0', 'spiffe://example.org/a', 'dns:host.example.org', 'anonymous', '*', '']) {
    t.deepEqual(patternsOf(certified('cn', name)), [`cn:${name}`]);
  }
});

const refused = test.macro({
  title: (_given, text: string, reason: RegExp) => `${JSON.stringify(text).slice(0, 80)} is refused: ${reason.source}`,
  exec(t, text: string, reason: RegExp) {
    const parsed = parsePattern(text);
    t.regex('fault' in parsed ? parsed.fault : 'nothing is wrong', reason);
  },
});

for (const text of [
  '',
  '*',
  'root',
  'uid',
  'UID:0',
  'Anonymous',
  'dns',
  'user:root',
  ' uid:0',
  '192.0.2.1',
  'example.org',
]) {
  test(refused, text, /is no identity: it must be spiffe/);
}
for (const text of [
  'spiffe://example.org*',
  'spiffe://*',
  'spiffe://*.example.org/a',
  'spiffe://example.org/a*',
  'spiffe://*/*',
]) {
  test(refused, text, /the wildcard of a SPIFFE ID is/);
}
test(refused, 'spiffe://example.org/*/a', /wildcard/);
test(refused, 'spiffe://example.org/a/**', /wildcard/);
test(refused, 'spiffe://example.org/*/*', /wildcard/);
test(refused, 'spiffe:example.org/a', /begins with spiffe:/);
test(refused, 'spiffe:///a', /trust domain is missing/);
test(refused, 'spiffe:///*', /trust domain is missing/);
test(refused, 'spiffe://example.org', /a path is missing/);
test(refused, 'spiffe://example.org/', /empty segment/);
test(refused, 'spiffe://example.org/a//b', /empty segment/);
test(refused, 'spiffe://example.org/a//*', /empty segment/);
test(refused, 'spiffe://example.org/a/./b', /the segment \./);
test(refused, 'spiffe://example.org/../*', /the segment \.\./);
test(refused, 'spiffe://Example.org/a', /trust domain "Example.org" may have lower-case/);
test(refused, 'spiffe://example.org:443/a', /trust domain "example.org:443"/);
test(refused, 'spiffe://user@example.org/a', /trust domain/);
test(refused, 'spiffe://example.org/a?b', /path segment "a\?b"/);
test(refused, 'spiffe://example.org/a#b', /path segment/);
test(refused, 'spiffe://example.org/a%2fb', /path segment/);
test(refused, 'spiffe://example.org/ä', /path segment/);
test(refused, `spiffe://example.org/${'a'.repeat(2028)}`, /at most 2048 characters, not 2049/);
test(refused, `spiffe://${'a'.repeat(256)}/a`, /at most 255/);
for (const text of ['dns:*', 'dns:*.', 'dns:*.org']) test(refused, text, /wildcard of a DNS name|top-level domain/);
for (const text of [
  'dns:a.*.org',
  'dns:a*.example.org',
  'dns:*a.example.org',
  'dns:example.*',
  'dns:*.*.example.org',
]) {
  test(refused, text, /wildcard of a DNS name is \*\. at its front/);
}
test(refused, 'dns:', /name is missing/);
test(refused, 'dns:example.org.', /no dot at its front or end/);
test(refused, 'dns:.example.org', /no dot/);
test(refused, 'dns:a..example.org', /two in a row/);
test(refused, 'dns:bücher.example', /the part "bücher"/);
test(refused, 'dns:-a.example.org', /the part "-a"/);
test(refused, 'dns:a b.example.org', /the part "a b"/);
test(refused, 'dns:example.org:443', /the part "org:443"/);
test(refused, 'dns:192.0.2.1', /an address is not a DNS name/);
test(refused, 'dns:*.0.2.1', /an address is not a DNS name/);
test(refused, `dns:${'a'.repeat(64)}.example.org`, /at most 63/);
test(refused, `dns:${'a.'.repeat(126)}example`, /at most 253 characters, not 259/);
test(refused, 'cn:', /missing/);
test(refused, 'cn: legacy', /white space/);
test(refused, 'cn:legacy ', /white space/);
test(refused, 'cn:*', /no wildcards/);
test(refused, 'cn:*.example.org', /no wildcards/);
test(refused, 'cn:a\nb', /control characters/);
for (const text of [
  'uid:',
  'uid:root',
  'uid:-1',
  'uid:01',
  'uid:+1',
  'uid:1e3',
  'uid:1.0',
  'uid: 1',
  'uid:*',
  'uid:4294967295',
]) {
  test(refused, text, /a uid is a number from 0 to 4294967294; `id -u NAME` prints it/);
}
test(refused, 'gid:99999999999', /a gid is a number .*getent group/);

test('what is at the limits is fine', t => {
  for (const text of [
    'uid:0',
    'gid:4294967294',
    `spiffe://example.org/${'a'.repeat(2027)}`,
    `dns:${'a'.repeat(63)}.org`,
  ]) {
    t.deepEqual(parsePattern(text), {pattern: text});
  }
});

/** Few and alike, so that names that nearly match are common. */
const segment = fc.constantFrom('a', 'b', 'ab', 'a-b', 'A', '.', '..', '', '*', 'a*', '%2f', 'a\0');
const trustDomain = fc.constantFrom('example.org', 'example.organised', 'a.example.org', 'Example.org', '*', '');
const spiffeText = fc
  .tuple(trustDomain, fc.array(segment, {maxLength: 4}))
  .map(([domain, segments]) => ['spiffe:/', domain, ...segments].join('/'));

test('a wildcard of a SPIFFE ID matches what lies below, segment by segment, and nothing else', t => {
  let matched = 0;
  fc.assert(
    fc.property(spiffeText, spiffeText, (base, name) => {
      const pattern = `${base}/*`;
      fc.pre('pattern' in parsePattern(pattern));
      const [below, own] = [base.split('/'), name.split('/')];
      const isBelow = below.every((part, index) => own[index] === part) && own.length > below.length;
      const isWellFormed = own.slice(3).every(part => /^[a-zA-Z0-9-]+$/.test(part));
      const isMatch = matches(pattern, certified('spiffe', name));
      if (isMatch) matched++;
      t.is(isMatch, isBelow && isWellFormed, `${pattern} and ${name}`);
    }),
    {numRuns: 2000, seed: 7},
  );
  t.true(matched > 0);
});

const label = fc.constantFrom('a', 'b', 'ab', 'A', 'example', 'org', '*', '', '-', 'a\0');
const dnsText = fc.array(label, {minLength: 1, maxLength: 4}).map(labels => labels.join('.'));

test('a wildcard of a DNS name matches one part in front, and nothing else', t => {
  let matched = 0;
  fc.assert(
    fc.property(dnsText, dnsText, (base, name) => {
      const pattern = `dns:*.${base}`;
      fc.pre('pattern' in parsePattern(pattern));
      const [first = '', ...rest] = name.toLowerCase().split('.');
      const expected = /^[a-z]+$/.test(first) && rest.join('.') === base.toLowerCase();
      const isMatch = matches(pattern, certified('dns', name));
      if (isMatch) matched++;
      t.is(isMatch, expected, `${pattern} and ${JSON.stringify(name)}`);
    }),
    {numRuns: 5000, seed: 7},
  );
  t.true(matched > 0);
});

test('an exact pattern matches its own text only, whatever that is', t => {
  const text = fc.oneof(
    spiffeText,
    dnsText.map(name => `dns:${name.toLowerCase()}`),
    fc.string().map(name => `cn:${name}`),
  );
  const callerOf = (name: string) =>
    name.startsWith('spiffe:')
      ? certified('spiffe', name)
      : certified(name.startsWith('dns:') ? 'dns' : 'cn', name.slice(name.indexOf(':') + 1));
  fc.assert(
    fc.property(text, text, (one, other) => {
      fc.pre(!one.includes('*') && 'pattern' in parsePattern(one));
      t.true(matches(one, callerOf(one)), one);
      const isSame = one === other || (other.startsWith('dns:') && one === other.toLowerCase());
      t.is(matches(one, callerOf(other)), isSame, `${one} and ${other}`);
    }),
    {numRuns: 2000, seed: 7},
  );
});

test('whatever text is given, it is a pattern or refused, and a pattern is in its normal form', t => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map(text => `dns:${text}`),
        spiffeText,
      ),
      text => {
        const parsed = parsePattern(text);
        if ('pattern' in parsed) t.deepEqual(parsePattern(parsed.pattern), parsed);
        else t.not(parsed.fault, '');
      },
    ),
  );
});
