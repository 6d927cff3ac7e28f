import {execFile} from 'node:child_process';
import {closeSync, fstatSync, openSync} from 'node:fs';
import {constants} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {withoutKoffi} from '../../../lab/without-koffi.js';
import {openLibc} from '../../../src/libc/libc.js';
import {temporaryFolder} from '../../temporary-folder.js';

const run = promisify(execFile);
const libcModule = JSON.stringify(new URL('../../../src/libc/libc.js', import.meta.url).href);
const inModule = ['--input-type=module', '--eval'];

test('a call that fails answers -1, and errno says why', t => {
  const libc = openLibc();
  t.is(libc.close(-1), -1);
  t.is(libc.errno(), constants.errno.EBADF);
});

test('room in a file can be had beforehand, without the file getting longer', async t => {
  await using folder = await temporaryFolder();
  const fd = openSync(join(folder.path, 'file'), 'w');
  const keepSize = 1;
  t.is(openLibc().fallocate(fd, keepSize, 0, 1_000_000), 0);
  const {size, blocks} = fstatSync(fd);
  closeSync(fd);
  t.is(size, 0);
  t.true(blocks * 512 >= 1_000_000);
});

test('what comes after execve has the arguments and the environment given, whatever is in them', async t => {
  const program = `
    const {openLibc} = await import(${libcModule});
    for (const fd of [1, 2]) openLibc().fcntl(fd, 2, 0);
    openLibc().execve('/bin/sh', ['sh', '-c', 'echo "$$ $0 $NAME"', 'ünï $(x)', null], ['NAME=wörld "', null]);`;
  const running = run(process.execPath, [...inModule, program]);
  const {stdout} = await running;
  t.is(stdout, `${running.child.pid} ünï $(x) wörld "\n`);
});

test('an execve that fails comes back', t => {
  const libc = openLibc();
  t.is(libc.execve('/nonexistent/program', ['program', null], [null]), -1);
  t.is(libc.errno(), constants.errno.ENOENT);
});

test('without a binary for this machine the error says what is missing', async t => {
  const program = `
    const {openLibc} = await import(${libcModule});
    for (let i = 0; i < 2; i++) try { openLibc(); } catch ({name, message}) { console.log(name, message); }`;
  const {stdout} = await run(process.execPath, [withoutKoffi, ...inModule, program]);
  const [first = '', second, ...rest] = stdout.trimEnd().split('\n');
  t.regex(first, new RegExp(`^LibcUnavailable .*koffi has no binary for ${process.platform} ${process.arch}`));
  t.deepEqual([second, ...rest], [first]);
});
