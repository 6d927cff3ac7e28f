// Generates the code and the descriptor set from the protos, then compiles. Does only what is out of date.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const protoStamp = 'dist/descriptor-set.binpb';
const protoInputs = ['proto', 'buf.yaml', 'buf.gen.yaml', 'package-lock.json', 'scripts/build.mjs'];
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

/** Runs a program of node_modules; returns its standard output where that is a pipe. */
function run(name, args, stdout = 'inherit') {
  const options = {stdio: ['inherit', stdout, 'inherit'], maxBuffer: 2 ** 26};
  const result = spawnSync(join('node_modules/.bin', name), args, options);
  if (result.error !== undefined) console.error(`${name}: ${result.error.message}; is \`npm ci\` done?`);
  if (result.status !== 0) process.exit(result.status ?? 1);
  return result.stdout;
}

/** The compiler leaves what it made of sources that are gone since, and ava would go on running such tests. */
function removeOrphans(folder) {
  const made = join('dist', folder);
  if (!existsSync(made)) return;
  for (const name of readdirSync(made, {recursive: true}).filter(name => name.endsWith('.js'))) {
    if (existsSync(join(folder, name.replace(/js$/, 'ts')))) continue;
    for (const suffix of ['', '.map']) rmSync(join(made, name + suffix), {force: true});
  }
}

const descriptors = (...args) => run('buf', ['build', ...args, '--as-file-descriptor-set', '--output', '-'], 'pipe');

if (!existsSync(generated) || !isFresh(protoStamp, protoInputs)) {
  mkdirSync('dist', {recursive: true});
  run('buf', ['generate']);
  // All that reflection answers for: the imports are in it, and the services that stand beside ours on every listener.
  const reflection = 'node_modules/@grpc/reflection/build/proto';
  const sets = [
    descriptors(),
    descriptors('node_modules/grpc-health-check/proto'),
    descriptors(reflection, '--path', `${reflection}/grpc`),
  ];
  // Sets put one after the other are one set. Written last, since it is what says that all of this is done.
  writeFileSync(protoStamp, Buffer.concat(sets));
}

const sources = ['src', 'test', 'lab', 'bench'].filter(folder => existsSync(folder));
if (!isFresh(compileStamp, [...sources, 'tsconfig.json', 'package-lock.json'])) {
  const start = new Date();
  run('tsc', ['--project', '.']);
  for (const folder of sources) removeOrphans(folder);
  // Empty; of the time the compiler began, so that a file saved meanwhile is compiled by the next build.
  writeFileSync(compileStamp, '');
  utimesSync(compileStamp, start, start);
}
