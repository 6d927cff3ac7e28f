import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {parseRouteConfig, RouteConfigError, readRouteConfig} from '../../../src/config/route-config.js';
import {formatPrefix} from '../../../src/ip/ipv4.js';

const excluded = (text: string) => parseRouteConfig(text, 'routes.json').exclude.map(formatPrefix);

test('addresses and networks are read in their order', t => {
  t.deepEqual(excluded('{"exclude": ["203.0.113.7", "198.51.100.0/24", "0.0.0.0/0"]}'), [
    '203.0.113.7/32',
    '198.51.100.0/24',
    '0.0.0.0/0',
  ]);
});

test('nothing to exclude is fine, said or not', t => {
  t.deepEqual(excluded('{"exclude": []}'), []);
  t.deepEqual(excluded(' {\n} \n'), []);
});

const isRefused = test.macro({
  title: (what, _text: string, complaint: string) => `${what ?? 'a file'} is refused, ${complaint}`,
  exec(t, text: string, complaint: string) {
    const error = t.throws(() => parseRouteConfig(text, 'routes.json'), {instanceOf: RouteConfigError});
    t.is(error?.message, `--route-config routes.json, ${complaint}`);
  },
});

const shape = 'must be an object such as {"exclude": ["203.0.113.7"]}';
test('an empty file', isRefused, '', `line 1: not JSON: value expected`);
test('a list', isRefused, '\n\n["203.0.113.7"]', `line 3: ${shape}`);
test(isRefused, '{\n  "exclude": [\n    "203.0.113.7"\n', 'line 4: not JSON: close bracket expected');
test(isRefused, '{\n  "exclude": [\n    "203.0.113.7",\n  ]\n}', 'line 4: not JSON: value expected');
test(isRefused, '{\n  // mine\n  "exclude": []\n}', 'line 2: not JSON: invalid comment token');
test(isRefused, '{"exclude": []}\n{}', 'line 2: not JSON: end of file expected');
test(isRefused, '{\n  "exclude": [\n    "203.0.113.7"\n    "203.0.113.8"]}', 'line 4: not JSON: comma expected');
test(
  isRefused,
  '{\n  "exclude": [],\n  "include": []\n}',
  'line 3: unknown setting "include"; there is only "exclude"',
);
test(isRefused, '{"exclude":\n  "203.0.113.7"}', 'line 2: "exclude" must be a list of addresses and networks');
test(isRefused, '{"exclude": null}', 'line 1: "exclude" must be a list of addresses and networks');
test(isRefused, '{"exclude": [],\n "exclude": []}', 'line 2: "exclude" is there twice');
for (const [entry, complaint] of [
  ['"203.0.113"', '"203.0.113" is neither an IPv4 address nor a network in CIDR form'],
  ['"203.0.113.256"', '"203.0.113.256" is neither an IPv4 address nor a network in CIDR form'],
  ['"203.0.113.0/33"', '"203.0.113.0/33" is neither an IPv4 address nor a network in CIDR form'],
  ['"2001:db8::1"', '"2001:db8::1" is neither an IPv4 address nor a network in CIDR form'],
  ['7', '7 is neither an IPv4 address nor a network in CIDR form'],
  ['null', 'null is neither an IPv4 address nor a network in CIDR form'],
  ['{"prefix": "203.0.113.7"}', 'an entry is neither an IPv4 address nor a network in CIDR form'],
  ['["203.0.113.7"]', 'an entry is neither an IPv4 address nor a network in CIDR form'],
  ['"203.0.113.7/24"', '203.0.113.7/24 has host bits set'],
] as const)
  test(
    `the entry ${entry}`,
    isRefused,
    `{\n  "exclude": [\n    "198.51.100.1",\n    ${entry}\n  ]\n}`,
    `line 4: ${complaint}`,
  );

test('lines are counted whatever ends them', t => {
  const text = '{\r\n  "exclude": [\r\n    "no address"\r\n  ]\r\n}';
  t.throws(() => parseRouteConfig(text, 'routes.json'), {message: /, line 3: "no address"/});
});

test('a file is read, and one that cannot be is named with the reason', t => {
  const folder = mkdtempSync(join(tmpdir(), 'route-config-'));
  t.teardown(() => rmSync(folder, {recursive: true}));
  const path = join(folder, 'routes.json');
  t.throws(() => readRouteConfig(path), {
    instanceOf: RouteConfigError,
    message: `--route-config ${path}: ENOENT: no such file or directory, open '${path}'`,
  });
  writeFileSync(path, '{"exclude": ["203.0.113.7"]}');
  t.deepEqual(readRouteConfig(path).exclude.map(formatPrefix), ['203.0.113.7/32']);
  t.throws(() => readRouteConfig(folder), {message: /^--route-config .*: EISDIR: /});
});
