import test from 'ava';
import {parseCommandLine, UsageError, usage} from '../../../src/config/options.js';

const defaults = {
  socket: '/run/doublezerod/doublezerod.sock',
  listen: [],
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
];
for (const [args, options] of understood) {
  test(`${args.join(' ')} is understood`, t => t.deepEqual(parseCommandLine(args), {run: {...defaults, ...options}}));
}

const refused: [args: string[], message: RegExp][] = [
  [['--nope'], /^Unknown option '--nope'$/],
  [['-x'], /^Unknown option '-x'$/],
  [['--nope', '--help'], /^Unknown option '--nope'$/],
  [['start'], /^Unexpected argument 'start'/],
  [['--socket'], /--socket <value>/],
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
  ]) {
    const at = usage.indexOf(`--${flag} `);
    t.true(at >= 0, flag);
    t.true(usage.slice(at, usage.indexOf('  --', at + 1)).includes(value ?? ''), flag);
  }
  for (const line of usage.split('\n')) t.true(line.length <= 120, line);
});
