// `buf breaking` against the newest release reachable from here, or else the first commit that had protos.
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

function findBase() {
  const release = git('describe', '--tags', '--match', 'v*', '--abbrev=0', 'HEAD');
  if (release) return {commit: release, label: `release ${release}`};
  // Without this a shallow clone would take its oldest commit for the first one, and find nothing to compare.
  if (git('rev-parse', '--is-shallow-repository') === 'true') {
    fail('no v* tag in this shallow clone; fetch the history and its tags (git fetch --unshallow --tags)');
  }
  const [first] = git('log', '--reverse', '--format=%H', 'HEAD', '--', 'proto')?.split('\n') ?? [];
  if (!first) fail('no release and no commit with proto/ to compare with');
  return {commit: first, label: `the first commit with protos, ${first.slice(0, 10)}, for there is no v* tag`};
}

if (git('rev-parse', '--git-dir') === undefined) fail('not a git repository: there is nothing to compare with');
const base = findBase();
const folder = mkdtempSync(join(tmpdir(), 'breaking-'));
process.on('exit', () => rmSync(folder, {recursive: true, force: true}));

const archive = execute('git', ['archive', base.commit, 'proto', 'buf.yaml']);
if (archive.status !== 0) fail(`cannot read ${base.label}: ${archive.stderr}`);
const extract = execute('tar', ['-x', '-C', folder], {input: archive.stdout});
if (extract.status !== 0) fail(`cannot unpack ${base.label}: ${extract.error?.message ?? extract.stderr}`);

console.log(`breaking: comparing with ${base.label}`);
const {status, error} = execute('node_modules/.bin/buf', ['breaking', '--against', folder], {stdio: 'inherit'});
if (error) fail(`${error.message}; is \`npm ci\` done?`);
if (status === 0) console.log('breaking: nothing broken');
process.exit(status ?? 1);
