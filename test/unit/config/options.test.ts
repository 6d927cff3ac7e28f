import test from 'ava';
import {usage} from '../../../src/config/flags.js';
import {parseCommandLine} from '../../../src/config/options.js';
import {UsageError} from '../../../src/config/usage-error.js';

const defaults = {
  socket: '/run/doublezerod/doublezerod.sock',
  listen: [],
  tls: undefined,
  policy: undefined,
  audit: {file: undefined, required: false},
  metrics: undefined,
  limits: {
    connections: 256,
    streams: 128,
    messageSize: 1_048_576,
    handshake: 5000,
    idle: 900_000,
    changes: 600,
    watchers: 100,
  },
  netlink: 'kernel',
  onExit: 'teardown',
  logLevel: 'info',
  network: 'mainnet-beta',
  stateDir: '/var/lib/doublezerod',
  repair: true,
  teardown: {linger: 100, abortSockets: 'on'},
  routeConfig: undefined,
};

test('without flags everything has its default', t => t.deepEqual(parseCommandLine([]), {run: defaults}));

const understood: [args: string[], options: object][] = [
  [['--socket', '/tmp/d.sock'], {socket: '/tmp/d.sock'}],
  [['--listen', '127.0.0.1:1', '--listen=[::1]:2'], {listen: ['127.0.0.1:1', '[::1]:2']}],
  [['--netlink=memory'], {netlink: 'memory'}],
  [['--on-exit', 'keep'], {onExit: 'keep'}],
  [['--log-level', 'debug'], {logLevel: 'debug'}],
  [['--network', 'testnet'], {network: 'testnet'}],
  [['--state-dir', '/tmp/state'], {stateDir: '/tmp/state'}],
  [['--repair=off'], {repair: false}],
  [['--teardown-linger=0'], {teardown: {linger: 0, abortSockets: 'on'}}],
  [['--teardown-linger=60000'], {teardown: {linger: 60_000, abortSockets: 'on'}}],
  [['--route-config', 'r.json'], {routeConfig: 'r.json'}],
  [['--netlink=memory', '--netlink=kernel'], {netlink: 'kernel'}],
  [
    ['--tls-cert=c', '--tls-key=k', '--tls-client-ca=a', '--tls-min-version=1.2'],
    {tls: {cert: 'c', key: 'k', clientCa: 'a', minVersion: '1.2'}},
  ],
  [['--policy', 'p.yaml'], {policy: 'p.yaml'}],
  [['--audit-log=a.log'], {audit: {file: 'a.log', required: false}}],
  [['--audit-log=a.log', '--audit-required'], {audit: {file: 'a.log', required: true}}],
  [['--metrics', '127.0.0.1:9100'], {metrics: '127.0.0.1:9100'}],
  [['--max-connections=1'], {limits: {...defaults.limits, connections: 1}}],
  [['--max-streams=2'], {limits: {...defaults.limits, streams: 2}}],
  [['--max-message-size=4096'], {limits: {...defaults.limits, messageSize: 4096}}],
  [['--handshake-timeout=600'], {limits: {...defaults.limits, handshake: 600_000}}],
  [['--idle-timeout=1'], {limits: {...defaults.limits, idle: 1000}}],
  [['--max-changes=1000000'], {limits: {...defaults.limits, changes: 1_000_000}}],
  [['--max-watchers=3'], {limits: {...defaults.limits, watchers: 3}}],
];
for (const [args, options] of understood) {
  test(`${args.join(' ')} is understood`, t => t.deepEqual(parseCommandLine(args), {run: {...defaults, ...options}}));
}

const refused: [args: string[], message: RegExp][] = [
  [['--nope'], /^Unknown option '--nope'$/],
  [['-x'], /^Unknown option '-x'$/],
  [['--nope', '--help'], /^Unknown option '--nope'$/],
  [['start'], /^Unexpected argument 'start'/],
  [['--socket'], /^--socket needs a value$/],
  [['--listen', '-', '--listen'], /^--listen needs a value$/],
  [['--socket', '--help'], /^--socket needs a value$/],
  [
    ['--teardown-linger', '-5'],
    /^--teardown-linger needs a value; one that begins with a dash is written --teardown-linger=-5$/,
  ],
  [['--help=yes'], /--help/],
  [['--socket='], /^--socket needs a value$/],
  [['--network', ''], /^--network needs a value$/],
  [['--netlink', 'Kernel'], /^--netlink must be one of kernel, memory, not 'Kernel'$/],
  [['--state-dir='], /^--state-dir needs a value$/],
  [['--repair=maybe'], /^--repair must be one of .*, not 'maybe'$/],
  [['--abort-sockets=all'], /^--abort-sockets must be one of .*, not 'all'$/],
  [['--teardown-linger=60001'], /^--teardown-linger must be a number of milliseconds from 0 to 60000, not '60001'$/],
  [['--teardown-linger=-1'], /^--teardown-linger must be/],
  [['--teardown-linger=1.5'], /^--teardown-linger must be/],
  [['--teardown-linger='], /^--teardown-linger must be/],
  [['--tls-cert=c'], /^--tls-cert needs --tls-key and --tls-client-ca as well: /],
  [['--tls-cert=c', '--tls-client-ca=a'], /^--tls-cert needs --tls-key as well: /],
  [['--tls-key=', '--tls-cert=c'], /^--tls-key needs a value$/],
  [['--tls-min-version=1.1'], /^--tls-min-version must be one of 1.3, 1.2, not '1.1'$/],
  [['--tls-min-version=1.2'], /^--tls-min-version needs --tls-cert, --tls-key and --tls-client-ca as well$/],
  [['--policy='], /^--policy needs a value$/],
  [['--audit-log', ''], /^--audit-log needs a value$/],
  [['--audit-required=yes'], /--audit-required/],
  [['--audit-required'], /^--audit-required needs --audit-log as well: /],
  [['--max-connections=0'], /^--max-connections must be a number from 1 to 1000000, not '0'$/],
  [['--max-streams=many'], /^--max-streams must be a number/],
  [['--max-message-size=4095'], /^--max-message-size must be a number of octets from 4096 to 67108864, not '4095'$/],
  [['--handshake-timeout=0'], /^--handshake-timeout must be a number of seconds from 1 to 600, not '0'$/],
  [['--idle-timeout=2592001'], /^--idle-timeout must be a number of seconds/],
  [['--max-changes=-1'], /^--max-changes must be/],
  [['--max-watchers=1e3'], /^--max-watchers must be/],
  [['--on-exit='], /^--on-exit must be one of teardown, keep, not ''$/],
  [['--log-level', 'toString'], /^--log-level must be one of error, warn, info, debug, not 'toString'$/],
];
for (const [args, message] of refused) {
  test(`${args.join(' ')} is refused in one sentence`, t => {
    const error = t.throws(() => parseCommandLine(args), {instanceOf: UsageError});
    t.regex(error.message, message);
    t.false(error.message.includes('\n'));
  });
}

test('help and version are asked for instead of a run', t => {
  t.deepEqual(parseCommandLine(['--help', '--netlink=memory']), {print: 'help'});
  t.deepEqual(parseCommandLine(['-h']), {print: 'help'});
  t.deepEqual(parseCommandLine(['--version']), {print: 'version'});
});

test('the usage text names every flag with its default', t => {
  for (const [flag, value] of [
    ['socket', defaults.socket],
    ['listen', 'HOST:PORT'],
    ['netlink', defaults.netlink],
    ['on-exit', defaults.onExit],
    ['log-level', defaults.logLevel],
    ['network', defaults.network],
    ['state-dir', defaults.stateDir],
    ['repair', 'on'],
    ['teardown-linger', '100'],
    ['abort-sockets', defaults.teardown.abortSockets],
    ['route-config', 'FILE'],
    ['tls-min-version', '1.3'],
    ['max-connections', '256'],
    ['max-changes', '600'],
    ['idle-timeout', '900'],
  ]) {
    const at = usage.indexOf(`--${flag} `);
    t.true(at >= 0, flag);
    t.true(usage.slice(at, usage.indexOf('  --', at + 1)).includes(value ?? ''), flag);
  }
  for (const line of usage.split('\n')) t.true(line.length <= 120, line);
});
