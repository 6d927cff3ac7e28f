// What docs/remote-controllers.md says to try is tried, command by command.
import {execFile, spawnSync} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {DaemonProcess, socketFolder} from './daemon-process.js';
import {projectFolder} from './python.js';
import {Document, flagsOf} from './readme.js';

/** Where the document has its files and its daemon; the test has them elsewhere. */
const writtenFolder = '/tmp/controllers';
const writtenAddress = '127.0.0.1:7301';

const title = 'the chapter to try: a controller with a certificate may call, and nobody at the Unix socket';
const lack = spawnSync('openssl', ['version']).error && 'openssl is not installed';

if (lack !== undefined && process.env.CI !== 'true') {
  test.skip(`${title} (${lack})`, t => t.fail());
} else {
  test(title, async t => {
    if (lack !== undefined) throw new Error(lack);
    const document = new Document('docs/remote-controllers.md');
    const [files = '', start = '', call = '', refused = ''] = document.blocks('sh');
    await using folder = await socketFolder();
    const here = (text: string) => text.replaceAll(writtenFolder, folder.path);
    const run = (text: string) => promisify(execFile)('sh', ['-c', text], {cwd: projectFolder});
    t.true(files.includes(`mkdir ${writtenFolder}\n`));
    await run(`set -e\n${here(files.replace(`mkdir ${writtenFolder}\n`, ''))}`); // the test's folder is there

    const flags = flagsOf(here(start));
    t.true(flags.includes('--netlink=memory') && flags.includes(`--listen=tls:${writtenAddress}`));
    const socket = flags.find(flag => flag.startsWith('--socket='))?.slice('--socket='.length) ?? '';
    const others = flags.filter(flag => !/^--(netlink|socket|listen)=/.test(flag));
    await using daemon = await DaemonProcess.start(socket, '--listen=tls:127.0.0.1:0', ...others);
    const {listeners} = await daemon.line('daemon.ready');
    const [, address = ''] = listeners as string[];

    const {stdout} = await run(here(call).replace(writtenAddress, address.replace('tls:', '')));
    t.like(JSON.parse(stdout), {network: 'mainnet-beta', listeners});

    const denied = await t.throwsAsync<Error & {stderr: string}>(run(here(refused)));
    t.like(JSON.parse(denied.stderr), {code: 'permission_denied'});
    const reflected = await t.throwsAsync<Error & {stderr: string}>(run(here(refused).replace('--schema proto', '')));
    const [, before = '', after = ''] = /`(failed to find service named) … (in schema)`/.exec(document.text) ?? [];
    t.regex(reflected.stderr, new RegExp(`${before} "doublezero.tunnel.v1.TunnelService" ${after}`));
  });
}
