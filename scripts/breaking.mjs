// `buf breaking` against the newest release reachable from here, or else what main has said so far.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const execute = (program, args, options) => spawnSync(program, args, {maxBuffer: 64 * 1024 * 1024, ...options});

/** What git prints, or `undefined` where it fails. */
function git(...args) {
  const {status, stdout} = execute('git', args, {encoding: 'utf8'});
  return status === 0 ? stdout.trim() : undefined;
}

function fail(reason) {
  console.error(`breaking: ${reason}`);
  process.exit(1);
}

/** The last release; before the first one, all that main ever said counts: where it began and where it stands. */
function findBases() {
  const release = git('describe', '--tags', '--match', 'v*', '--abbrev=0', 'HEAD');
  if (release) return [{commit: release, label: `release ${release}`}];
  // Without this a shallow clone would take its oldest commit for the first one, and find nothing to compare.
  if (git('rev-parse', '--is-shallow-repository') === 'true') {
    fail('no v* tag in this shallow clone; fetch the history and its tags (git fetch --unshallow --tags)');
  }
  const changes = git('log', '--format=%H', 'HEAD', '--', 'proto')?.split('\n').filter(Boolean) ?? [];
  const first = changes.at(-1);
  if (!first) fail('no release and no commit with proto/ to compare with');
  const main = git('merge-base', 'HEAD', 'origin/main');
  const isAhead = main !== undefined && main !== git('rev-parse', 'HEAD') && git('ls-tree', main, 'proto');
  const former = isAhead ? main : (changes[1] ?? first);
  return [
    {commit: first, label: `the first commit with protos, ${first.slice(0, 10)}, for there is no v* tag`},
    {commit: former, label: isAhead ? 'main' : `the protos before their last change, ${former.slice(0, 10)}`},
  ];
}

if (git('rev-parse', '--git-dir') === undefined) fail('not a git repository: there is nothing to compare with');
for (const base of findBases()) {
  const folder = mkdtempSync(join(tmpdir(), 'breaking-'));
  process.on('exit', () => rmSync(folder, {recursive: true, force: true}));

  const archive = execute('git', ['archive', base.commit, 'proto', 'buf.yaml']);
  if (archive.status !== 0) fail(`cannot read ${base.label}: ${archive.stderr}`);
  const extract = execute('tar', ['-x', '-C', folder], {input: archive.stdout});
  if (extract.status !== 0) fail(`cannot unpack ${base.label}: ${extract.error?.message ?? extract.stderr}`);

  console.log(`breaking: comparing with ${base.label}`);
  const {status, error} = execute('node_modules/.bin/buf', ['breaking', '--against', folder], {stdio: 'inherit'});
  if (error) fail(`${error.message}; is \`npm ci\` done?`);
  if (status !== 0) process.exit(status ?? 1);
}
console.log('breaking: nothing broken');
