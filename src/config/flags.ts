import type {ParseArgsConfig} from 'node:util';
import {abortModes} from '../services/socket-steps.js';
import {logLevels} from '../telemetry/logger.js';

export const netlinkBackends = ['kernel', 'memory'] as const;
export const exitModes = ['teardown', 'keep'] as const;
export const repairModes = ['on', 'off'] as const;
export const tlsVersions = ['1.3', '1.2'] as const;

interface Flag {
  /** What to write behind it; a flag without is a switch. */
  readonly value?: string;
  readonly text: string;
  readonly fallback?: string;
  readonly multiple?: true;
}

/** The flags, in the order of the usage text. */
export const flags = {
  socket: {
    value: 'PATH',
    text: 'Unix socket to listen on, mode 0660',
    fallback: '/run/doublezerod/doublezerod.sock',
  },
  listen: {
    value: '[tls:]HOST:PORT',
    text: 'TCP address to listen on as well, with TLS unless it is loopback without tls: before it; may be repeated',
    multiple: true,
  },
  'tls-cert': {value: 'FILE', text: 'certificate of the daemon, with its chain (PEM); reloaded when it changes'},
  'tls-key': {value: 'FILE', text: 'private key of that certificate (PEM), readable by no others'},
  'tls-client-ca': {
    value: 'FILE',
    text: 'CA certificates that callers have theirs from (PEM); reloaded when it changes',
  },
  'tls-min-version': {
    value: tlsVersions.join('|'),
    text: 'oldest version of TLS that callers may use',
    fallback: '1.3',
  },
  policy: {value: 'FILE', text: 'YAML file that says who may do what; reloaded when it changes and on SIGHUP'},
  'audit-log': {
    value: 'FILE',
    text: 'file for a line about each change and each refusal, reopened on SIGHUP; without it they go to the log',
  },
  'audit-required': {text: 'refuse changes while no line about them can be written'},
  metrics: {value: 'HOST:PORT', text: 'loopback address to serve metrics on, for Prometheus, at /metrics'},
  'max-connections': {value: 'NUMBER', text: 'connections at a time, for each listener', fallback: '256'},
  'max-streams': {value: 'NUMBER', text: 'calls at a time, for each connection', fallback: '128'},
  'max-message-size': {value: 'BYTES', text: 'size of a request', fallback: '1048576'},
  'handshake-timeout': {
    value: 'SECONDS',
    text: 'time a new connection has for TLS and the first frames of HTTP/2',
    fallback: '5',
  },
  'idle-timeout': {value: 'SECONDS', text: 'time a connection without calls stays open', fallback: '900'},
  'max-changes': {
    value: 'NUMBER',
    text: 'calls that change something, for each identity and minute',
    fallback: '600',
  },
  'max-watchers': {value: 'NUMBER', text: 'WatchTunnels calls at a time, for each identity', fallback: '100'},
  netlink: {
    value: netlinkBackends.join('|'),
    text: 'network stack to work on: the real one, or a model of it to try the API without privileges',
    fallback: 'kernel',
  },
  'on-exit': {
    value: exitModes.join('|'),
    text: 'what becomes of the tunnels when the daemon is told to stop',
    fallback: 'teardown',
  },
  'state-dir': {
    value: 'DIRECTORY',
    text: 'where the wanted tunnels are kept, for the next start (not with --netlink=memory)',
    fallback: '/var/lib/doublezerod',
  },
  repair: {
    value: repairModes.join('|'),
    text: 'whether what other programs take out of the kernel is put back, or only reported',
    fallback: 'on',
  },
  'teardown-linger': {
    value: 'MILLISECONDS',
    text: 'how long a lowered interface stays, for programs to act in, before it is deleted',
    fallback: '100',
  },
  'abort-sockets': {
    value: abortModes.join('|'),
    text: 'at teardown: abort sockets on addresses that vanish, or only report who holds them, or neither',
    fallback: 'on',
  },
  'log-level': {value: logLevels.join('|'), text: 'how much to log', fallback: 'info'},
  'route-config': {
    value: 'FILE',
    text: 'JSON file with destinations that are never installed or deleted: {"exclude": ["203.0.113.7"]}',
  },
  network: {value: 'NAME', text: 'name of the DoubleZero network, for GetDaemonInfo', fallback: 'mainnet-beta'},
} satisfies Record<string, Flag>;

export type FlagName = keyof typeof flags;

/** The flags as `parseArgs` of Node.js wants them. */
export const parsedFlags: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(
  Object.entries<Flag>(flags).map(([name, {value, fallback, multiple}]) => [
    name,
    {
      type: value === undefined ? 'boolean' : 'string',
      ...(multiple ? {multiple} : {}),
      ...(fallback === undefined ? {} : {default: fallback}),
    },
  ]),
);

export const usage = [
  'Usage: doublezerod [flags]',
  '',
  ...Object.entries<Flag>(flags).flatMap(([name, {value, text, fallback}]) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    `      ${text}${fallback ? ` (default: ${fallback})` : ''}`,
  ]),
  '  --help',
  '      print this text',
  '  --version',
  '      print the version',
].join('\n');
