import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {parseListenAddress} from '../../src/rpc/listen-address.js';
import {socketFolder} from './daemon-process.js';
import {serve} from './plumbing.js';

const program = fileURLToPath(new URL('../../src/health-check.js', import.meta.url));

/** Runs the program as a HEALTHCHECK does. */
async function healthCheck(...args: string[]) {
  const output: string[] = [];
  const child = execFile(process.execPath, [program, ...args], (_error, stdout, stderr) => output.push(stdout, stderr));
  const [code] = await once(child, 'close');
  return {code, output: output.join('').trim()};
}

test('a daemon that serves is healthy', async t => {
  await using folder = await socketFolder();
  await using _world = await serve({}, {addresses: [parseListenAddress(folder.socket)]});
  t.deepEqual(await healthCheck('--socket', folder.socket), {code: 0, output: 'SERVING'});
});

test('a daemon that is about to stop is not', async t => {
  await using folder = await socketFolder();
  await using world = await serve({}, {addresses: [parseListenAddress(folder.socket)]});
  world.server.stopServing();
  t.deepEqual(await healthCheck('--socket', folder.socket), {code: 1, output: 'NOT_SERVING'});
});

test('a socket that nobody listens on is not healthy, and is named', async t => {
  await using folder = await socketFolder();
  const {code, output} = await healthCheck('--socket', folder.socket);
  t.is(code, 1);
  t.true(output.includes(folder.socket));
});

test('a command line that cannot be read is not healthy either', async t => {
  const {code, output} = await healthCheck('--sock', '/run/d.sock');
  t.is(code, 1);
  t.regex(output, /'--sock'/);
});
