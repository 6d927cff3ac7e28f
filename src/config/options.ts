import {parseArgs} from 'node:util';
import {abortModes} from '../services/socket-steps.js';
import type {TeardownSettings} from '../services/teardown.js';
import {type LogLevel, logLevels} from '../telemetry/logger.js';
import {type AuditOptions, auditOptionsOf} from './audit-options.js';
import {exitModes, netlinkBackends, parsedFlags, repairModes} from './flags.js';
import {type Limits, limitsOf} from './limits.js';
import {type TlsFiles, tlsFilesOf} from './tls-files.js';
import {UsageError} from './usage-error.js';
import {FlagValues} from './values.js';

export type NetlinkBackend = (typeof netlinkBackends)[number];
export type ExitMode = (typeof exitModes)[number];

export interface Options {
  /** Path of the Unix socket. */
  readonly socket: string;
  /** TCP addresses, as `HOST:PORT` or `tls:HOST:PORT`. */
  readonly listen: readonly string[];
  /** What listeners with TLS need; they cannot be without. */
  readonly tls: TlsFiles | undefined;
  /** Path of the policy. */
  readonly policy: string | undefined;
  readonly audit: AuditOptions;
  /** Where metrics are served, as `HOST:PORT`. */
  readonly metrics: string | undefined;
  readonly limits: Limits;
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

/** What the command line asks for: to run with options, or to print something and end. */
export type Command = {readonly run: Options} | {readonly print: 'help' | 'version'};

/** A minute and more would be a mistake: whoever stops the daemon does not wait that long. */
const lingers = {min: 0, max: 60_000};

/** Throws `UsageError`, which names the flag. */
export function parseCommandLine(args: readonly string[]): Command {
  const {help, version, ...given} = readFlags(args);
  if (help) return {print: 'help'};
  if (version) return {print: 'version'};
  const values = new FlagValues(given);
  return {
    run: {
      socket: values.required('socket'),
      listen: values.all('listen'),
      tls: tlsFilesOf(values),
      policy: values.optional('policy'),
      audit: auditOptionsOf(values),
      metrics: values.optional('metrics'),
      limits: limitsOf(values),
      netlink: values.oneOf('netlink', netlinkBackends),
      onExit: values.oneOf('on-exit', exitModes),
      logLevel: values.oneOf('log-level', logLevels),
      network: values.required('network'),
      stateDir: values.required('state-dir'),
      repair: values.oneOf('repair', repairModes) === 'on',
      teardown: {
        linger: values.number('teardown-linger', 'a number of milliseconds', lingers),
        abortSockets: values.oneOf('abort-sockets', abortModes),
      },
      routeConfig: values.optional('route-config'),
    },
  };
}

function readFlags(args: readonly string[]): Readonly<Record<string, unknown>> {
  const options = {...parsedFlags, help: {type: 'boolean', short: 'h'}, version: {type: 'boolean'}} as const;
  try {
    return parseArgs({args: [...args], options}).values;
  } catch (error) {
    // Node's sentences name the flag; what follows the first one is advice about positional arguments.
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(withoutValue(error, args) ?? sentence, {cause: error});
  }
}

/** What is wrong where a flag lacks its value, or has one that could be a flag; Node needs three lines for that. */
function withoutValue(error: unknown, args: readonly string[]): string | undefined {
  const {code, message = ''} = error as NodeJS.ErrnoException;
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return undefined;
  const flag = /'(--[a-z-]+)/.exec(message)?.[1];
  const at = args.findIndex((arg, index) => arg === flag && /^-./.test(args[index + 1] ?? '--'));
  if (at < 0) return undefined;
  const next = args[at + 1] ?? '';
  const isFlag = next === '' || next.startsWith('--');
  return `${flag} needs a value${isFlag ? '' : `; one that begins with a dash is written ${flag}=${next}`}`;
}
