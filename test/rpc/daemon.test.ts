import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {connect} from 'node:net';
import {setTimeout} from 'node:timers/promises';
import test from 'ava';
import {specs} from './controller.js';
import {DaemonProcess, runToEnd, socketFolder} from './daemon-process.js';

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

// What else is refused: test/unit/config/options.test.ts and test/unit/rpc/listen-address.test.ts.
const refused: [what: string, args: string[], message: RegExp][] = [
  ['an unknown flag', ['--frobnicate'], /^doublezerod: Unknown option '--frobnicate'; try --help\n$/],
  ['a bad value', ['--netlink', 'fake'], /--netlink must be one of kernel, memory, not 'fake'/],
  ['a bad address', ['--listen', '7300'], /--listen: "7300" is neither \[tls:\]HOST:PORT/],
  ['an address beyond loopback', ['--listen', '0.0.0.0:7300'], /--listen: "tls:0\.0\.0\.0:7300" needs TLS/],
];
for (const [what, args, message] of refused) {
  test(`${what} is refused with exit code 2 and a sentence on standard error`, async t => {
    await using folder = await socketFolder();
    // What is judged comes last, and so counts.
    const {code, stdout, stderr} = await runToEnd(['--netlink=memory', '--socket', folder.socket, ...args]);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.notRegex(stderr, / at .*\.js/); // no stack
    t.false(existsSync(folder.socket));
  });
}

test('--help lists every flag, --version prints the version', async t => {
  const help = await runToEnd(['--help']);
  t.is(help.code, 0);
  for (const flag of ['socket', 'listen', 'netlink', 'on-exit', 'log-level', 'network']) {
    t.true(help.stdout.includes(`--${flag}`), flag);
  }
  t.like(await runToEnd(['--version']), {code: 0, stderr: ''});
  t.regex((await runToEnd(['--version'])).stdout, /^doublezerod \d+\.\d+\.\d+\n$/);
});

test('a socket in use by a live daemon is refused, and that daemon is not disturbed', async t => {
  await using folder = await socketFolder();
  await using first = await DaemonProcess.start(folder.socket);
  const second = await runToEnd(['--netlink=memory', '--socket', folder.socket]);
  t.is(second.code, 2);
  t.regex(second.stderr, /^doublezerod: --socket: .* is in use: a daemon is listening there\n$/);
  t.deepEqual(await first.controller.list(), []);
});

test('the socket that a killed daemon left is replaced', async t => {
  await using folder = await socketFolder();
  const killed = await DaemonProcess.start(folder.socket);
  await killed[Symbol.asyncDispose]();
  t.true(existsSync(folder.socket));
  await using next = await DaemonProcess.start(folder.socket);
  t.deepEqual(await next.controller.list(), []);
});

test('it says where it listens, and answers there', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket, '--listen', '127.0.0.1:0', '--network', 'testnet');
  const {timestamp, level, version, netlink, listeners, pid} = await daemon.line('daemon.ready');
  t.regex(String(timestamp), isoTime);
  t.deepEqual({level, netlink, pid}, {level: 'info', netlink: 'memory', pid: daemon.child.pid});
  const info = await daemon.controller.info();
  t.like(info, {version: version as string, network: 'testnet', netlinkBackend: 'memory', greSupported: true});
  t.deepEqual(info.listeners, listeners);
  t.regex(info.listeners[1] ?? '', /^127\.0\.0\.1:[1-9]\d*$/);
});

test('every line of the log is one JSON object with time, level and event', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket, '--log-level', 'debug');
  await daemon.controller.provision(specs.edgeFiltering);
  await t.throwsAsync(daemon.controller.get('doublezero1'));
  await daemon.controller.remove('doublezero0');
  const {stdout, stderr} = await daemon.stop();
  t.is(stderr, '');
  const lines = stdout.split('\n').map(line => JSON.parse(line));
  t.true(lines.length >= 10);
  for (const {timestamp, level, message} of lines) {
    t.regex(timestamp, isoTime);
    t.regex(level, /^(error|warn|info|debug)$/);
    t.regex(message, /^[a-z]+\.[a-z_]+$/);
  }
});

test('a change leaves a line with caller, spec, outcome and duration, whether it goes well or not', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket);
  await daemon.controller.provision(specs.multicast);
  await t.throwsAsync(daemon.controller.provision({...specs.multicast, tunnelDst: '192.0.2.7'}));
  await daemon.controller.remove('doublezero1', {allowMissing: true});
  await daemon.stop();
  const [provision, refusal, removal, ...others] = daemon.lines.filter(({message}) => message === 'rpc.done');
  t.deepEqual(others, []);
  const spec = {
    service_type: 'SERVICE_TYPE_MULTICAST',
    tunnel_src: '192.0.2.1',
    tunnel_dst: '192.0.2.3',
    tunnel_net: '169.254.0.2/31',
    doublezero_ip: '10.99.0.9',
    prefixes: 0,
    pub_groups: 2,
    sub_groups: 2,
  };
  const from = {caller: `uid:${process.getuid?.()}`, peer: `unix:${folder.socket}`};
  t.like(provision, {level: 'info', method: 'ProvisionTunnel', ...from, spec, outcome: 'OK', validate_only: false});
  t.like(refusal, {
    level: 'warn',
    method: 'ProvisionTunnel',
    spec: {...spec, tunnel_dst: '192.0.2.7'},
    outcome: 'ALREADY_EXISTS',
  });
  t.like(removal, {level: 'info', method: 'RemoveTunnel', tunnel: 'doublezero1', allow_missing: true, outcome: 'OK'});
  for (const line of [provision, refusal, removal]) t.true(Number(line?.took_ms) > 0);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} tears the tunnels down and ends with code 0`, async t => {
    await using folder = await socketFolder();
    await using daemon = await DaemonProcess.start(folder.socket);
    await daemon.controller.provision(specs.edgeFiltering);
    await daemon.controller.provision(specs.multicast);
    const {code, stderr} = await daemon.stop(signal);
    t.deepEqual({code, stderr}, {code: 0, stderr: ''});
    t.false(existsSync(folder.socket));
    const events = daemon.lines.slice(daemon.lines.findIndex(({message}) => message === 'daemon.draining'));
    t.like(events[0], {reason: signal, on_exit: 'teardown'});
    const steps = events.filter(({tunnel, message}) => tunnel === 'doublezero0' && message === 'teardown.step');
    t.deepEqual(
      steps.map(({step}) => step).filter(step => /^(rules|routes|bgp_peer|tunnel)_(delete|down)$/.test(String(step))),
      ['rules_delete', 'routes_delete', 'bgp_peer_delete', 'tunnel_down', 'tunnel_delete'],
    );
    const removed = events.filter(({message}) => message === 'tunnel.removed');
    t.deepEqual(removed.map(({tunnel}) => tunnel).sort(), ['doublezero0', 'doublezero1']);
    t.is(events.at(-1)?.message, 'daemon.stopped');
  });
}

test('--on-exit=keep leaves the tunnels', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket, '--on-exit', 'keep');
  await daemon.controller.provision(specs.ibrl);
  t.is((await daemon.stop()).code, 0);
  t.false(daemon.lines.some(({message}) => message === 'teardown.step'));
  t.is(daemon.lines.at(-1)?.message, 'daemon.stopped');
});

test('two signals at once are one, as a terminal and npm send them', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket);
  await daemon.controller.provision(specs.edgeFiltering);
  await daemon.controller.provision(specs.multicast);
  // Held meanwhile, so that it hears of both at the same time, however busy the host is.
  for (const signal of ['SIGSTOP', 'SIGTERM', 'SIGINT', 'SIGCONT'] as const) daemon.child.kill(signal);
  const {code, stderr} = await daemon.ended();
  t.deepEqual({code, stderr}, {code: 0, stderr: ''});
  t.false(existsSync(folder.socket));
  const removed = daemon.lines.filter(({message}) => message === 'tunnel.removed');
  t.deepEqual(removed.map(({tunnel}) => tunnel).sort(), ['doublezero0', 'doublezero1']);
  t.is(daemon.lines.at(-1)?.message, 'daemon.stopped');
});

test('a SIGTERM a second after the first ends at once, with another code, whatever is still open', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket);
  // Never says a word, so closing waits for it as long as it gives running calls.
  const silent = connect(folder.socket);
  silent.on('error', () => {});
  await once(silent, 'connect');
  await daemon.controller.list(); // its connection was accepted after that of `silent`
  daemon.child.kill('SIGTERM');
  await daemon.line('daemon.draining');
  await setTimeout(1100);
  const {code} = await daemon.stop('SIGTERM');
  t.is(code, 1);
  t.like(daemon.lines.at(-1), {level: 'error', message: 'daemon.killed', reason: 'a second SIGTERM'});
  silent.destroy();
});

test('bytes that are no HTTP/2 at all do not bring it down', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket);
  for (const bytes of [Buffer.alloc(65_536, 0xff), 'GET / HTTP/1.1\r\n\r\n', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM')]) {
    const stranger = connect(folder.socket);
    stranger.on('error', () => {});
    stranger.end(bytes);
    stranger.resume();
    await once(stranger, 'close');
  }
  t.deepEqual(await daemon.controller.list(), []);
  t.is((await daemon.stop()).code, 0);
});

test('without CAP_NET_ADMIN it does not start, and names what is missing and how to get it', async t => {
  await using folder = await socketFolder();
  // Whoever is not root has no capability to drop.
  const through =
    process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'] : [];
  const {code, stdout, stderr} = await runToEnd(['--socket', folder.socket], through);
  t.is(code, 2);
  t.is(JSON.parse(stdout).message, 'daemon.privileges'); // and no other line
  t.regex(stderr, /^doublezerod: .*CAP_NET_ADMIN \(root, or .*\)\. .*--netlink=memory\n$/);
  t.false(existsSync(folder.socket));
});

/** Whether the kernel makes a GRE device, tried in a namespace that is gone with the program. */
const attempt = spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'gre7', 'type', 'gre', 'remote', '192.0.2.2'], {
  encoding: 'utf8',
});
const lacksGre = /Unknown device type|not supported/.test(attempt.stderr);
const reason = lacksGre ? '' : ` (not tested: ${attempt.status === 0 ? 'this kernel has it' : 'needs privileges'})`;
(lacksGre ? test : test.skip)(`without GRE it does not start, and names module and option${reason}`, async t => {
  await using folder = await socketFolder();
  const {code, stdout, stderr} = await runToEnd(['--socket', folder.socket]);
  t.is(code, 2);
  t.is(JSON.parse(stdout).message, 'daemon.privileges'); // and no other line
  t.regex(stderr, /^doublezerod: .*GRE.*ip_gre.*CONFIG_NET_IPGRE.*--netlink=memory\n$/);
  t.false(existsSync(folder.socket));
});
