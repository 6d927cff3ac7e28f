import {inspect} from 'node:util';
import {AuditError} from './access/audit.js';
import {PolicyError} from './access/policy-error.js';
import {warnOfPrivileges} from './access/privilege-log.js';
import {usage} from './config/flags.js';
import {type Options, parseCommandLine} from './config/options.js';
import {RouteConfigError} from './config/route-config.js';
import {UsageError} from './config/usage-error.js';
import {runDaemon, StartError} from './daemon.js';
import {permissionHint} from './permission-hint.js';
import {ListenError} from './rpc/listen-error.js';
import {TlsError} from './rpc/tls-error.js';
import {stopSignal} from './stop-signal.js';
import {createLogger, type Logger} from './telemetry/logger.js';
import {JournalError} from './tunnels/journal.js';
import {version} from './version.js';

/** Exit codes: 0 stopped as told, 1 failed while running, 2 could not start as asked. */
const failed = 1;
const notStarted = 2;

/**
 * Does what the command line says, and sets the exit code. `privilegesKept`: why the daemon holds more privileges than it
 * needs, where it does.
 */
export async function run(args: readonly string[], privilegesKept: string | undefined): Promise<void> {
  try {
    const command = parseCommandLine(args);
    if ('run' in command) await serve(command.run, privilegesKept);
    else console.log(command.print === 'help' ? usage : `doublezerod ${version}`);
  } catch (error) {
    const isExpected = startErrors.some(kind => error instanceof kind);
    const hint = error instanceof UsageError ? '; try --help' : permissionHint(error);
    console.error(`doublezerod: ${isExpected && error instanceof Error ? error.message : inspect(error)}${hint}`);
    process.exitCode = isExpected ? notStarted : failed;
  }
}

async function serve(options: Options, privilegesKept: string | undefined): Promise<void> {
  // What shall be open to others is opened to them where it is made.
  process.umask(0o077);
  const log = createLogger({level: options.logLevel});
  endOnUnexpectedError(log);
  if (privilegesKept !== undefined) warnOfPrivileges(log, privilegesKept);
  const stop = stopSignal(log, () => process.exit(failed));
  await runDaemon(options, log, stop);
  log.info('daemon.stopped');
}

/** A fault nobody foresaw: the tunnels stay as they are, since what would tear them down cannot be trusted any more. */
function endOnUnexpectedError(log: Logger): void {
  const end = (error: unknown) => {
    log.error('daemon.crashed', {cause: inspect(error)});
    process.exit(failed);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

const startErrors = [
  UsageError,
  ListenError,
  StartError,
  TlsError,
  PolicyError,
  AuditError,
  RouteConfigError,
  JournalError,
];
