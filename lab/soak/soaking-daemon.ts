/**
 * The daemon as the soak runs it, with the daemon's flags: veth stands in for GRE, the kernel refuses what the parent
 * process says over IPC, and that is told what this process has open.
 */
import {once} from 'node:events';
import {parseCommandLine} from '../../src/config/options.js';
import {runDaemon} from '../../src/daemon.js';
import {formatIpv4} from '../../src/ip/ipv4.js';
import {createLogger} from '../../src/telemetry/logger.js';
import {overriding} from '../overriding.js';
import {openHostNetlinker} from '../stand-in.js';
import {FaultyNetlinker} from './faulty-netlinker.js';
import type {Answer, Order, Request} from './orders.js';
import {ResourceCounter} from './resources.js';

const resources = new ResourceCounter();

const tell = (message: Answer | Request): void => void process.send?.(message);

/** Resolves when the device has its end of the tunnel: with GRE that is always there. */
const cables = new Map<number, () => void>();
function cable(name: string, remote: string): Promise<void> {
  const id = cables.size === 0 ? 1 : Math.max(...cables.keys()) + 1;
  return new Promise(resolve => {
    cables.set(id, resolve);
    tell({cable: id, name, remote});
  });
}

const {netlinker: standIn} = await openHostNetlinker({always: true});
const kernel = new FaultyNetlinker(
  overriding(standIn, {
    async tunnelAdd(tunnel) {
      await standIn.tunnelAdd(tunnel);
      await cable(tunnel.name, formatIpv4(tunnel.remote));
    },
  }),
);

async function carryOut(order: Order): Promise<unknown> {
  if (order.does === 'measure') return resources.measure();
  if (order.does === 'fired') return kernel.takeFired();
  return order.does === 'arm' ? kernel.arm(order.faults) : kernel.disarm();
}

process.on('message', async (message: Order | {readonly cabled: number}) => {
  if ('cabled' in message) {
    cables.get(message.cabled)?.();
    cables.delete(message.cabled);
  } else {
    tell({id: message.id, value: await carryOut(message)});
  }
});

const command = parseCommandLine(process.argv.slice(2));
if ('print' in command) throw new TypeError('nothing to run');
const {run: options} = command;
const stop = new AbortController();
void once(process, 'SIGTERM').then(() => stop.abort('SIGTERM'));
await runDaemon(options, createLogger({level: options.logLevel}), stop.signal, async () => kernel.netlinker);
process.disconnect();
