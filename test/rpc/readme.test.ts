// What the README says is what there is: its commands are run, its tables compared, its links followed.
import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {promisify} from 'node:util';
import test from 'ava';
import {usage} from '../../src/config/flags.js';
import {TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {DaemonProcess, socketFolder} from './daemon-process.js';
import {projectFolder} from './python.js';
import {Document, flagsOf} from './readme.js';

const execute = promisify(execFile);
const readme = new Document('README.md');
const {
  scripts,
  dependencies,
  devDependencies,
  optionalDependencies = {},
} = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;

/** Where the README's daemon listens; a test's own listens elsewhere, for tests run beside each other. */
const written = '/tmp/doublezerod.sock';

/** The daemon as the README starts it, and the README's commands run against it. */
async function openReadme() {
  const folder = await socketFolder();
  const [start = ''] = readme.commands('npm start');
  const flags = flagsOf(start);
  const daemon = await DaemonProcess.start(folder.socket, ...flags.filter(flag => !flag.startsWith('--socket')));
  const here = (command: string) => command.replaceAll(written, folder.socket);
  return {
    daemon,
    flags,
    async run(command: string): Promise<string> {
      return (await execute('sh', ['-c', here(command)], {cwd: projectFolder})).stdout;
    },
    begin: (command: string) =>
      spawn('sh', ['-c', here(command)], {cwd: projectFolder, stdio: ['ignore', 'pipe', 'ignore']}),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const bufCommands = readme.commands('npx buf curl');

/** Parses JSON, with a mark in place of what differs from one run to the next. */
const masked = (json: string): unknown =>
  JSON.parse(json, (key, value) =>
    /^(uid|etag|index|pid|took_ms|caller|peer|timestamp|last_update|\w+_time)$/.test(key) ? `some ${key}` : value,
  );

test('the first tunnel is provisioned, read, listed and removed by the commands with buf curl', async t => {
  await using world = await openReadme();
  t.deepEqual(world.flags, ['--netlink=memory', `--socket=${written}`]);
  const [methods = '', provision = '', get = '', list = '', remove = '', watch, ...others] = bufCommands;
  t.deepEqual(others, []);
  t.is(request(watch ?? '').method, 'WatchTunnels');
  const [shown = '', line = ''] = readme.blocks('json');

  t.regex(await world.run(methods), /^doublezero\.tunnel\.v1\.TunnelService\/ProvisionTunnel$/m);
  t.deepEqual(masked(await world.run(provision)), masked(shown));
  t.deepEqual(masked(await world.run(get)), masked(shown));
  t.deepEqual(masked(await world.run(list)), {tunnels: [masked(shown)]});
  const {steps} = JSON.parse(await world.run(remove)) as {steps: {step: string}[]};
  const order = steps.map(({step}) => step).filter(step => /^tunnel_(down|delete)$/.test(step));
  t.deepEqual(order, ['tunnel_down', 'tunnel_delete']);
  t.is((await world.run(list)).trim(), '{}');

  const logged = await world.daemon.line('rpc.done');
  t.deepEqual(masked(JSON.stringify(logged)), masked(line));
});

/** What a command asks of the daemon, whichever program it is for. */
const request = (command: string) => ({
  body: /-d '([^']*)'/.exec(command)?.[1],
  method: /doublezero\.tunnel\.v1\.TunnelService\/(\w+)/.exec(command)?.[1],
});

test('the command that watches prints a snapshot, and ends with the daemon', async t => {
  await using world = await openReadme();
  const [, , , , , watch = ''] = bufCommands;
  const child = world.begin(watch);
  const printed = text(child.stdout);
  await once(child.stdout, 'readable');
  await world.daemon.stop();
  const [snapshotEnd = ''] = (await printed).split(/(?<=^\})\n/m);
  const {type, ...rest} = JSON.parse(snapshotEnd) as Record<string, string>;
  t.is(type, 'TUNNEL_EVENT_TYPE_SNAPSHOT_END');
  t.truthy(rest.resume_token);
});

test('every type of event is in the table', t => {
  const types = readme.tableRows('`TUNNEL_EVENT_TYPE_…`').flatMap(([cell = '']) => cell.match(/\w+/g) ?? []);
  const inProto = Object.values(TunnelEventType).map(type => String(type).replace('TUNNEL_EVENT_TYPE_', ''));
  t.deepEqual(types.sort(), inProto.filter(type => !/^(UNSPECIFIED|UNRECOGNIZED|-?\d+)$/.test(type)).sort());
});

test('the commands with grpcurl ask the same as those with buf curl', t => {
  const [list = '', ...calls] = readme.commands('grpcurl');
  t.regex(list, /^grpcurl -plaintext unix:\/\/\/tmp\/doublezerod\.sock list /);
  t.is(calls.length, 4);
  t.deepEqual(calls.map(request), bufCommands.slice(1, 5).map(request));
});

test('the error shown is the one the daemon gives', async t => {
  await using world = await openReadme();
  const [shown = ''] = readme.blocks('text');
  const spec = {service_type: 'SERVICE_TYPE_IBRL', tunnel_dst: '224.0.0.1', tunnel_net: '169.254.0.0/30'};
  const [provision = ''] = readme.commands('npx buf curl').slice(1);
  const refused = provision.replace(/-d '[^']*'/, `-d '${JSON.stringify({spec})}'`);
  const error = await t.throwsAsync<Error & {stderr: string}>(world.run(refused));
  const {message} = JSON.parse(error.stderr) as {message: string};
  t.true(shown.includes(`Code: InvalidArgument\n  Message: ${message}\n`), message);
  for (const violation of message.split('; ')) {
    const [field = '', description = ''] = violation.split(': ');
    t.regex(shown, new RegExp(`"field": "${field}",\\s*"description": "${description.replaceAll('.', '\\.')}"`));
  }
});

test('the table of flags is what --help prints', t => {
  const described = Array.from(usage.matchAll(/^ {2}(--.*)\n {6}(.*?)(?: \(default: (.*)\))?$/gm));
  const expected = described.map(([, flag, text, fallback]) => [
    `\`${flag}\``,
    text,
    fallback ? `\`${fallback}\`` : '',
  ]);
  t.deepEqual(readme.tableRows('flag'), expected);
});

test('the tables of dependencies have a reason for each package', t => {
  const rows = readme.tableRows('package');
  const packages = Object.keys({...dependencies, ...optionalDependencies, ...devDependencies});
  t.deepEqual(rows.map(([name]) => name).sort(), packages.map(name => `\`${name}\``).sort());
  for (const [name, reason] of rows) t.truthy(reason, name);
});

test('the npm scripts and files it names are there', t => {
  const named = Array.from(readme.text.matchAll(/\bnpm run ([\w:]+)/g), ([, name = '']) => name);
  t.true(named.length > 5);
  for (const name of new Set(named)) t.true(name in (scripts ?? {}), `npm run ${name}`);
  const linked = Array.from(readme.text.matchAll(/\]\((?!https?:)([^)#]+)/g), ([, path = '']) => path);
  t.true(linked.length > 2);
  for (const path of linked) t.true(existsSync(join(projectFolder, path)), path);
});
