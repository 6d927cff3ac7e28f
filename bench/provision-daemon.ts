/** The daemon, with veth in place of GRE where the kernel has none; takes the daemon's flags. `provision.ts` starts it. */
import {once} from 'node:events';
import {openHostNetlinker} from '../lab/stand-in.js';
import {parseCommandLine} from '../src/config/options.js';
import {runDaemon} from '../src/daemon.js';
import {createLogger} from '../src/telemetry/logger.js';

const command = parseCommandLine(process.argv.slice(2));
if ('print' in command) throw new TypeError('nothing to run');
const {run: options} = command;
const stop = new AbortController();
void once(process, 'SIGTERM').then(() => stop.abort('SIGTERM'));
await runDaemon(
  options,
  createLogger({level: options.logLevel}),
  stop.signal,
  async () => (await openHostNetlinker()).netlinker,
);
