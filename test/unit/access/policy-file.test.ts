import {execFileSync} from 'node:child_process';
import {chmod, chown, mkdir, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {PolicyError} from '../../../src/access/policy-error.js';
import {readPolicy} from '../../../src/access/policy-file.js';
import {temporaryFolder} from '../../temporary-folder.js';

const good = 'bindings: [{role: viewer, identities: [anonymous]}]\n';

const read = test.macro({
  title: (what = '') => what,
  async exec(t, make: (path: string) => unknown, complaint?: RegExp) {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'policy.yaml');
    await make(path);
    if (complaint === undefined) {
      t.is((await readPolicy(path)).size, 1);
      return;
    }
    const error = await t.throwsAsync(readPolicy(path), {instanceOf: PolicyError});
    const [first = ''] = error?.lines ?? [];
    t.true(first.startsWith(`--policy ${path}`), first);
    t.regex(first.slice(`--policy ${path}`.length), complaint);
  },
});

const withMode = (mode: number) => async (path: string) => {
  await writeFile(path, good);
  await chmod(path, mode);
};
const isRoot = process.geteuid?.() === 0;

test('a file that only its owner may write to is read', read, withMode(0o644));
test('a file that its owner alone may read is read', read, withMode(0o400));
test('a file that its group may write to is refused', read, withMode(0o664), /^: has mode 0664.*chmod go-w/);
test('a file that everybody may write to is refused', read, withMode(0o646), /^: has mode 0646.*chmod go-w/);
test('a file that is not there is refused', read, () => undefined, /^: ENOENT: /);
test('a folder is refused', read, path => mkdir(path), /^: not a file$/);
test('a pipe is refused and not waited for', read, path => execFileSync('mkfifo', [path]), /^: not a file$/);
test(
  'a file that is not text is refused',
  read,
  path => writeFile(path, Buffer.from([0x61, 0xff])),
  /^: is not UTF-8 text$/,
);
test(
  'a mistake is told with its place',
  read,
  path => writeFile(path, 'bindings: x'),
  /^, line 1, column 11: bindings must/,
);
test(
  'a file that is too long is refused',
  read,
  path => writeFile(path, good + '#'.repeat(256 * 1024)),
  /^: has more than 262144 octets$/,
);
test('a file as long as it may be is read', read, path => writeFile(path, good + '#'.repeat(256 * 1024 - good.length)));

test('a link is followed, and what it leads to is judged', read, async path => {
  await withMode(0o644)(`${path}.1`);
  await symlink(`${path}.1`, path);
});

const ownedByAnother = async (path: string) => {
  await writeFile(path, good);
  await chown(path, 12_345, 0);
};
if (isRoot) test("another user's file is refused", read, ownedByAnother, /^: belongs to uid 12345, .*chown/);
else test.skip("another user's file is refused (only root can give one away)", read, ownedByAnother, /^: belongs/);

test('a text with more mistakes than anybody reads is cut short', async t => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'policy.yaml');
  await writeFile(path, `bindings: [${'x, '.repeat(60)}]`);
  const error = await t.throwsAsync(readPolicy(path), {instanceOf: PolicyError});
  t.is(error?.lines.length, 51);
  t.is(error?.lines.at(-1), `--policy ${path}: and 10 more`);
  t.is(error?.message, error?.lines.join('\n'));
});
