import {execFile, spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';

// The kernel's network is changed, and a process cannot move to another network namespace from within JavaScript, so AVA
// is started once more inside one.
const unshare = spawnSync('unshare', ['--net', 'true'], {encoding: 'utf8'});
const obstacle = unshare.error?.message ?? (unshare.status === 0 ? undefined : unshare.stderr.trim());
const ava = fileURLToPath(new URL('cli.mjs', import.meta.resolve('ava')));

const contracts = {
  Netlinker: 'kernel.test.js',
  'multicast sockets': 'multicast-sockets-kernel.test.js',
};

for (const [name, contract] of Object.entries(contracts)) {
  const title = `the contract of the ${name} holds for this machine's kernel, in a namespace of its own`;
  if (obstacle !== undefined && process.env.CI !== 'true') {
    test.skip(`${title}: ${obstacle}`, t => t.fail());
    continue;
  }
  test(title, async t => {
    const file = fileURLToPath(new URL(contract, import.meta.url));
    const options = {env: {...process.env, DOUBLEZEROD_LAB: '1', NO_COLOR: '1'}, maxBuffer: 1 << 24};
    const {stdout} = await promisify(execFile)('unshare', ['--net', process.execPath, ava, file], options);
    const [summary = ''] = /^.*\d+ tests passed$/m.exec(stdout) ?? [];
    t.regex(summary, /^\s*\d+ tests passed$/);
    t.log(summary.trim());
  });
}
