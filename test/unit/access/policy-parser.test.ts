import {readFileSync} from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {parsePolicy} from '../../../src/access/policy-parser.js';

const faultsOf = (text: string): string[] =>
  parsePolicy(text).faults.map(({line, column, text: reason}) => `${line}:${column} ${reason}`);

test('bindings are read with all that they may have', t => {
  const text = `
# Controllers of the fleet.
bindings:
  - role: operator
    identities: ["spiffe://example.org/controller/*", "dns:*.Ctl.example.org", cn:legacy, uid:1000, gid:27, anonymous]
    services: [IBRL, MULTICAST]
    interfaces: [doublezero0]
  - role: viewer
    identities:
      - dns:metrics.example.org
`;
  t.deepEqual(parsePolicy(text), {
    bindings: [
      {
        role: 'operator',
        identities: [
          'spiffe://example.org/controller/*',
          'dns:*.ctl.example.org',
          'cn:legacy',
          'uid:1000',
          'gid:27',
          'anonymous',
        ],
        services: new Set(['ibrl', 'multicast']),
        interfaces: new Set(['doublezero0']),
      },
      {role: 'viewer', identities: ['dns:metrics.example.org'], services: undefined, interfaces: undefined},
    ],
    faults: [],
  });
});

test('the example of the documentation is a policy', t => {
  const manual = readFileSync(new URL('../../../../docs/remote-controllers.md', import.meta.url), 'utf8');
  const [, example = ''] = /^```yaml\n(bindings:.*?)^```$/msu.exec(manual) ?? [];
  const {bindings, faults} = parsePolicy(example);
  t.deepEqual(faults, []);
  t.is(bindings.length, 3);
});

test('each service of the API has its name here', t => {
  const {bindings, faults} = parsePolicy(
    'bindings: [{role: operator, identities: [uid:1], services: [IBRL, IBRL_WITH_ALLOCATED_IP, EDGE_FILTERING, MULTICAST]}]',
  );
  t.deepEqual(faults, []);
  t.deepEqual([...(bindings[0]?.services ?? [])], ['ibrl', 'ibrlWithAllocatedIp', 'edgeFiltering', 'multicast']);
});

test('JSON, the marks of a document, line ends of Windows and a byte order mark are YAML as well', t => {
  for (const text of [
    '{"bindings": [{"role": "viewer", "identities": ["uid:1"]}]}',
    '---\nbindings:\n- role: viewer\n  identities: [uid:1]\n...\n',
    'bindings:\r\n  - role: viewer\r\n    identities: ["uid:1"]\r\n',
    '\uFEFFbindings: [{role: viewer, identities: [uid:1]}]',
  ]) {
    t.deepEqual(faultsOf(text), [], text);
  }
});

test('an identity may be in several bindings', t => {
  const text =
    'bindings:\n- {role: viewer, identities: [uid:1]}\n- {role: operator, identities: [uid:1], services: [IBRL]}';
  t.deepEqual(faultsOf(text), []);
});

test('all mistakes are told at once, in the order of the text', t => {
  const text = `bindings:
  - role: admin
    identities: [spiffe://example.org*, uid: 3, uid:01, [x], 7, null, uid:1, uid:1, "dns:A.example.org", dns:a.example.org]
    services: [IBR, IBRL, IBRL]
  - role: viewer
    services: [IBRL]
    identities: []
    role: operator
    foo: 1
  - hi
  -
  - role: operator
    identities: {a: b}
    interfaces:
  - identities: [anonymous]
    interfaces: [eth0, doublezero1]
binding: 1
bindings: 2
`;
  t.deepEqual(faultsOf(text), [
    '2:11 "admin" is no role: it must be viewer or operator',
    '3:18 "spiffe://example.org*": the wildcard of a SPIFFE ID is /* at its end, behind the trust domain',
    '3:41 a mapping is not text: put it in quotes, without white space behind the colon',
    '3:49 "uid:01": a uid is a number from 0 to 4294967294; `id -u NAME` prints it',
    '3:57 a list is not text: put it in quotes, without white space behind the colon',
    '3:62 7 is not text: put it in quotes, without white space behind the colon',
    '3:65 null is not text: put it in quotes, without white space behind the colon',
    '3:78 "uid:1" is in this list twice',
    '3:106 "dns:a.example.org" is in this list twice',
    '4:16 "IBR" is none of IBRL, IBRL_WITH_ALLOCATED_IP, EDGE_FILTERING, MULTICAST',
    '4:27 "IBRL" is in this list twice',
    '6:15 services narrow an operator; a viewer sees everything',
    '7:17 identities is an empty list',
    '8:5 role is there twice',
    '9:5 "foo" is no setting of a binding; known: role, identities, services, interfaces',
    '10:5 a binding is a mapping with role and identities',
    '11:4 a binding is a mapping with role and identities',
    '13:17 identities must be a list',
    '14:16 interfaces must be a list',
    '15:5 role is missing',
    '16:18 "eth0" is none of doublezero0, doublezero1',
    '17:1 "binding" is no setting of a policy; known: bindings',
    '18:1 bindings is there twice',
  ]);
});

const refused = test.macro({
  title: (what, text: string) => `${what ?? JSON.stringify(text).slice(0, 60)} is refused`,
  exec(t, text: string, faults: string | readonly string[]) {
    t.deepEqual(faultsOf(text), [faults].flat());
  },
});

const shape = 'a policy is a mapping such as bindings: [{role: viewer, identities: ["uid:1000"]}]';
test('an empty file', refused, '', `1:1 ${shape}`);
test('a file of comments', refused, '# bindings:\n', `1:1 ${shape}`);
test(refused, '- a\n', `1:1 ${shape}`);
test(refused, 'bindings', `1:1 ${shape}`);
test(refused, '{}', '1:1 bindings is missing');
test(refused, 'bindings:\n', '1:10 bindings must be a list');
test(refused, 'bindings: []\n', '1:11 bindings is an empty list');
test(refused, 'bindings: [{role: viewer}]\n', '1:12 identities is missing');
test(refused, '? [bindings]\n: 1\n', [
  '1:1 bindings is missing',
  '1:3 a list is no setting of a policy; known: bindings',
]);
test(
  'a binding for services that do not have the interfaces',
  refused,
  'bindings:\n- {role: operator, identities: [uid:1], services: [MULTICAST], interfaces: [doublezero0]}',
  '2:3 none of the services has one of the interfaces, so this binding is for no tunnel',
);
test(
  'an empty list of services',
  refused,
  'bindings:\n- {role: operator, identities: [uid:1], services: []}',
  '2:51 services is an empty list',
);
test(
  'a list that is not closed',
  refused,
  'bindings: [\n',
  '2:1 not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
);
test('a tab', refused, 'bindings:\n\t- a\n', '2:1 not YAML: Tabs are not allowed as indentation');
test('a second document', refused, 'bindings: []\n---\nbindings: []\n', '2:1 a policy is one document');
test('an anchor with its alias', refused, 'a: &x [1]\nb: *x\n', [
  '1:7 a policy has no anchors: &x',
  '2:4 a policy has no aliases: *x; in quotes it is text',
]);
test(
  'a wildcard without quotes',
  refused,
  'a: [*.example.org]',
  '1:5 a policy has no aliases: *.example.org; in quotes it is text',
);
test('a tag', refused, 'a: !!str 1\n', '1:10 a policy has no tags: tag:yaml.org,2002:str');
test('a directive', refused, '%YAML 1.1\n---\nbindings: []\n', '1:1 a policy has no directives');
test('a merge key', refused, '<<: {bindings: 1}', [
  '1:1 "<<" is no setting of a policy; known: bindings',
  '1:1 bindings is missing',
]);
test('an escape that YAML does not have', refused, 'a: "\\q"', '1:5 not YAML: Invalid escape sequence \\q');

const tooDeep = test.macro({
  title: (_given, part: string) => `${JSON.stringify(part)} nested without end is refused, and the process lives on`,
  exec(t, part: string) {
    const [fault] = faultsOf(part.repeat(Math.floor((256 * 1024) / part.length)));
    t.regex(fault ?? '', /^1:\d+ nested deeper than 16 levels$/);
  },
});
for (const part of ['[', '- ', '? ', '{a: ', '[{a: ', '{? ']) test(tooDeep, part);

test('aliases of aliases of aliases are not resolved', t => {
  const lines = Array.from({length: 30}, (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index}, `.repeat(9)}]`);
  t.is(faultsOf(['a0: &a0 [x]', ...lines].join('\n')).length, 31 + 30 * 9);
});

test('whatever text is given is a policy or has faults at places within it', t => {
  const part = fc.constantFrom(
    'bindings',
    'role',
    'identities',
    'services',
    'viewer',
    'operator',
    'uid:1',
    'IBRL',
    ':',
    ': ',
    '- ',
    '\n',
    '\n  ',
    '\n    ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '&a ',
    '*a',
    '!t ',
    '? ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '%',
    '---',
    '...',
    '\t',
    ' ',
    '<<',
    '\0',
    '\uFEFF',
    'ä',
  );
  fc.assert(
    fc.property(fc.array(part, {maxLength: 40}), parts => {
      const text = parts.join('');
      const {bindings, faults} = parsePolicy(text);
      t.true(faults.length > 0 || bindings.length > 0, text);
      const lines = text.split('\n').length;
      for (const {line = 0, column = 0} of faults) t.true(line >= 1 && line <= lines + 1 && column >= 1, text);
    }),
    {numRuns: 3000},
  );
});
