// Generates the code and the descriptor set from the protos, then compiles. Does only what is out of date.
import {spawnSync} from 'node:child_process';

const bin = name => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;

function run(name, ...args) {
  const {status} = spawnSync(bin(name), args, {stdio: 'inherit', cwd: new URL('..', import.meta.url)});
  if (status !== 0) process.exit(status ?? 1);
}

run('buf', 'generate');
run('buf', 'build', '--output', 'dist/descriptor-set.binpb');
run('tsc', '--project', '.');
