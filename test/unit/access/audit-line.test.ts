import {readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import {auditLine, recordOctets, shortAuditLine} from '../../../src/access/audit-line.js';
import {anonymous} from '../../../src/access/caller.js';
import {sampleRecord} from './audit-world.js';

const position = {run: '5b1c0e9af3d2', sequence: 7};
const parsed = (more: Parameters<typeof sampleRecord>[0] = {}) => JSON.parse(auditLine(sampleRecord(more), position));

const steps = [{step: 'tunnel_down', ok: true, duration: '0.000134561s'}];
const everything = {etagBefore: '"a0"', outcome: 'INTERNAL', reason: 'NETLINK', error: 'EPERM', steps};

test('a record is one line with all its fields, in an order that stays', t => {
  t.is(
    auditLine(sampleRecord(everything), position),
    '{"time":"2026-11-23T10:00:00.123Z","run":"5b1c0e9af3d2","sequence":7,"identity":"uid:1000",' +
      '"peer":"unix:/run/doublezerod/doublezerod.sock",' +
      '"program":{"name":"dzctl","pid":4711,"uid":1000,"gids":[1000,27]},"method":"ProvisionTunnel",' +
      '"request":{"validate_only":true},"spec":{"service_type":"SERVICE_TYPE_IBRL","tunnel_dst":"192.0.2.2"},' +
      '"etag_before":"\\"a0\\"","etag_after":"\\"a1\\"","outcome":"INTERNAL","reason":"NETLINK","error":"EPERM",' +
      '"duration_ms":12.346,"steps":[{"step":"tunnel_down","ok":true,"duration":"0.000134561s"}]}\n',
  );
});

test('the documentation shows such a line, and names every field', async t => {
  const text = await readFile(new URL('../../../../docs/audit.md', import.meta.url), 'utf8');
  t.true(text.includes(`\n${auditLine(sampleRecord(everything), position)}`));
  const documented = [...text.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name);
  t.deepEqual(
    documented,
    Object.keys(JSON.parse(shortAuditLine(sampleRecord(everything), position))).toSpliced(-1, 0, 'steps'),
  );
});

test('a refused call has no more than what is known of it', t => {
  const caller = {kind: 'certificate', nameKind: 'spiffe', name: 'spiffe://example.org/controller'} as const;
  const line = parsed({
    caller,
    peer: '192.0.2.1:40000',
    request: undefined,
    etagAfter: undefined,
    outcome: 'PERMISSION_DENIED',
    reason: 'ROLE_MISSING',
    error: 'spiffe://example.org/controller may not call ProvisionTunnel',
  });
  t.deepEqual(Object.keys(line), [
    ...['time', 'run', 'sequence', 'identity', 'peer', 'method', 'outcome', 'reason', 'error', 'duration_ms'],
  ]);
  t.is(line.identity, 'spiffe://example.org/controller');
});

test('only programs of this host have a process', t => t.false('program' in parsed({caller: anonymous})));

const requests: [request: unknown, fields: object][] = [
  [{name: 'tunnels/doublezero0', etag: '"a"'}, {request: {name: 'tunnels/doublezero0', etag: '"a"'}}],
  [{spec: {tunnel_dst: '192.0.2.2'}}, {spec: {tunnel_dst: '192.0.2.2'}}],
  [{spec: null}, {spec: null}],
  [{}, {request: {}}],
  [undefined, {}],
  ['text', {request: 'text'}],
];
for (const [given, fields] of requests) {
  test(`a request ${JSON.stringify(given)} is there whole`, t => {
    const {request, spec} = parsed({request: given});
    t.deepEqual(JSON.parse(JSON.stringify({request, spec})), fields);
  });
}

const hostile = {
  'a forged line': '"}\n{"time":"2026-11-23T10:00:00.123Z","identity":"uid:0"}\n',
  'a carriage return': 'a\r\nb',
  'line and paragraph separators': 'a\u2028b\u2029c\u0085d\u000be\u000cf',
  'a lone surrogate': 'a\ud800b\udc00',
  'an octet of zero': 'a\0b',
  'escape sequences of terminals': '\u001b[2K\u009b2K\u007f',
  'marks that reverse what is shown': 'a\u202eb\u2066c\u200f',
  'letters of another alphabet': 'spiffe://еxample.org/оperator',
  'a character of four octets': '😀',
  'a prototype': '__proto__',
};
for (const [what, text] of Object.entries(hostile)) {
  test(`${what} stays within its field`, t => {
    const record = sampleRecord({
      caller: {kind: 'local', uid: 1, gids: [], pid: 1, program: text},
      peer: text,
      method: text,
      request: {spec: {[text]: text}, [text]: text},
      etagBefore: text,
      outcome: text,
      error: text,
      steps: [text],
    });
    const line = auditLine(record, position);
    t.regex(line, /^[\x20-\x7e]+\n$/);
    const fields = JSON.parse(line);
    for (const name of ['peer', 'method', 'etag_before', 'outcome', 'error']) t.is(fields[name], text);
    t.deepEqual([fields.program.name, fields.steps], [text, [text]]);
    t.deepEqual(Object.entries(fields.spec), [[text, text]]);
    t.deepEqual(Object.entries(fields.request), [[text, text]]);
  });
}

test('any text comes back as it was, from one line of ASCII', t => {
  const texts = fc.string({unit: 'binary'}).chain(text => fc.constantFrom(text, `${text}\ud800`));
  fc.assert(
    fc.property(texts, fc.jsonValue(), (text, request) => {
      const line = auditLine(sampleRecord({error: text, request: {request}}), position);
      return /^[\x20-\x7e]+\n$/.test(line) && JSON.parse(line).error === text;
    }),
  );
  t.pass();
});

test('whatever comes of a call, its short line fits into the room that was asked for', t => {
  const long = fc.constantFrom('', 'x', '\u2028'.repeat(10_000), '"'.repeat(5000));
  fc.assert(
    fc.property(long, long, long, (reason, error, program) => {
      const call = sampleRecord({caller: {kind: 'local', uid: 1, gids: [1], pid: 1, program}, request: {program}});
      const octets = recordOctets(call);
      const outcome = {outcome: 'FAILED_PRECONDITION', duration: 123_456.789, steps: [error]};
      const record = {...call, reason, error, ...outcome};
      const line = shortAuditLine(record, {run: position.run, sequence: Number.MAX_SAFE_INTEGER});
      return line.length <= octets && JSON.parse(line).shortened === true;
    }),
  );
  t.pass();
});
