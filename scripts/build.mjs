// Generates the code and the descriptor set from the protos, then compiles. Does only what is out of date.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const protoStamp = 'dist/descriptor-set.binpb';
const compileStamp = 'dist/.compiled';
const generated = 'src/rpc/generated';

process.chdir(root);

/** Modification time in milliseconds of the newest file or folder below a path; folders tell of deleted files. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  return Math.max(entry.mtimeMs, ...readdirSync(path).map(name => newest(join(path, name))));
}

const isFresh = (stamp, inputs) => existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...inputs.map(newest));

function run(name, ...args) {
  const {status, error} = spawnSync(join('node_modules/.bin', name), args, {stdio: 'inherit'});
  if (error !== undefined) console.error(`${name}: ${error.message}; is \`npm ci\` done?`);
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(generated) || !isFresh(protoStamp, ['proto', 'buf.yaml', 'buf.gen.yaml', 'package-lock.json'])) {
  mkdirSync('dist', {recursive: true});
  run('buf', 'generate');
  // Last, since it is what says that both are done. Imports are in it: reflection has to answer for them too.
  run('buf', 'build', '--output', protoStamp);
}

const sources = ['src', 'test', 'lab', 'bench'].filter(folder => existsSync(folder));
if (!isFresh(compileStamp, [...sources, 'tsconfig.json', 'package-lock.json'])) {
  const start = new Date();
  run('tsc', '--project', '.');
  // Empty; of the time the compiler began, so that a file saved meanwhile is compiled by the next build.
  writeFileSync(compileStamp, '');
  utimesSync(compileStamp, start, start);
}
