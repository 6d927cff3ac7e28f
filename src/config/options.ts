import {parseArgs} from 'node:util';
import {abortModes} from '../services/socket-steps.js';
import type {TeardownSettings} from '../services/teardown.js';
import {type LogLevel, logLevels} from '../telemetry/logger.js';

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const netlinkBackends = ['kernel', 'memory'] as const;
export type NetlinkBackend = (typeof netlinkBackends)[number];

export const exitModes = ['teardown', 'keep'] as const;
export type ExitMode = (typeof exitModes)[number];

const repairModes = ['on', 'off'] as const;

export interface Options {
  /** Path of the Unix socket. */
  readonly socket: string;
  /** TCP addresses, as `HOST:PORT`. */
  readonly listen: readonly string[];
  readonly netlink: NetlinkBackend;
  /** What becomes of the tunnels when the daemon is told to stop. */
  readonly onExit: ExitMode;
  readonly logLevel: LogLevel;
  /** Name of the DoubleZero network, as `GetDaemonInfo` reports it. */
  readonly network: string;
  /** Directory of the journal. */
  readonly stateDir: string;
  /** Whether what other programs take out of the kernel is put back. */
  readonly repair: boolean;
  readonly teardown: TeardownSettings;
  /** Path of the route configuration. */
  readonly routeConfig: string | undefined;
}

interface Flag {
  readonly value: string;
  readonly text: string;
  readonly fallback?: string;
  readonly multiple?: true;
}

/** The flags, in the order of the usage text. */
const flags = {
  socket: {
    value: 'PATH',
    text: 'Unix socket to listen on, mode 0660',
    fallback: '/run/doublezerod/doublezerod.sock',
  },
  listen: {
    value: 'HOST:PORT',
    text: 'loopback TCP address to listen on as well; may be repeated',
    multiple: true,
  },
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

export const usage = [
  'Usage: doublezerod [flags]',
  '',
  ...Object.entries<Flag>(flags).flatMap(([name, {value, text, fallback}]) => [
    `  --${name} ${value}`,
    `      ${text}${fallback ? ` (default: ${fallback})` : ''}`,
  ]),
  '  --help',
  '      print this text',
  '  --version',
  '      print the version',
].join('\n');

/** What the command line asks for: to run with options, or to print something and end. */
export type Command = {readonly run: Options} | {readonly print: 'help' | 'version'};

/** Throws `UsageError`, which names the flag. */
export function parseCommandLine(args: readonly string[]): Command {
  const {help, version, ...values} = readFlags(args);
  if (help) return {print: 'help'};
  if (version) return {print: 'version'};
  return {
    run: {
      socket: required('socket', values.socket),
      listen: values.listen ?? [],
      netlink: oneOf('netlink', netlinkBackends, values.netlink),
      onExit: oneOf('on-exit', exitModes, values['on-exit']),
      logLevel: oneOf('log-level', logLevels, values['log-level']),
      network: required('network', values.network),
      stateDir: required('state-dir', values['state-dir']),
      repair: oneOf('repair', repairModes, values.repair) === 'on',
      teardown: {
        linger: milliseconds('teardown-linger', values['teardown-linger']),
        abortSockets: oneOf('abort-sockets', abortModes, values['abort-sockets']),
      },
      routeConfig: values['route-config'],
    },
  };
}

function readFlags(args: readonly string[]) {
  const text = {type: 'string'} as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        socket: {...text, default: flags.socket.fallback},
        listen: {...text, multiple: true},
        netlink: {...text, default: flags.netlink.fallback},
        'on-exit': {...text, default: flags['on-exit'].fallback},
        'log-level': {...text, default: flags['log-level'].fallback},
        network: {...text, default: flags.network.fallback},
        'state-dir': {...text, default: flags['state-dir'].fallback},
        repair: {...text, default: flags.repair.fallback},
        'teardown-linger': {...text, default: flags['teardown-linger'].fallback},
        'abort-sockets': {...text, default: flags['abort-sockets'].fallback},
        'route-config': text,
        help: {type: 'boolean', short: 'h'},
        version: {type: 'boolean'},
      },
    }).values;
  } catch (error) {
    // Node's sentences name the flag; what follows the first one is advice about positional arguments.
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(sentence, {cause: error});
  }
}

function required(flag: string, value: string): string {
  if (value === '') throw new UsageError(`--${flag} needs a value`);
  return value;
}

/** A minute and more would be a mistake: whoever stops the daemon does not wait that long. */
const longestLinger = 60_000;

function milliseconds(flag: string, value: string): number {
  const number = /^[0-9]{1,6}$/.test(value) ? Number(value) : Number.NaN;
  if (number <= longestLinger) return number;
  throw new UsageError(`--${flag} must be a number of milliseconds from 0 to ${longestLinger}, not '${value}'`);
}

function oneOf<T extends string>(flag: string, choices: readonly T[], value: string): T {
  const choice = choices.find(candidate => candidate === value);
  if (choice === undefined) throw new UsageError(`--${flag} must be one of ${choices.join(', ')}, not '${value}'`);
  return choice;
}
