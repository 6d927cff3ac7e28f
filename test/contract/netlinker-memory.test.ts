import {MemoryNetlinker} from '../../src/netlink/memory.js';
import {recording} from '../../src/netlink/recording.js';
import {modelPrograms, type Plan} from './netlinker/socket-plan.js';
import {type SocketWorld, sockets} from './netlinker/sockets.js';
import {raise} from './netlinker/world.js';
import {netlinkerContract} from './netlinker.js';

netlinkerContract('memory', async () => new MemoryNetlinker());
netlinkerContract('recording', async () => recording(new MemoryNetlinker()).netlinker);

async function openModel(plan: Plan, socketAbort: boolean): Promise<SocketWorld> {
  const programs = modelPrograms(plan);
  const {netlinker} = recording(
    new MemoryNetlinker({capabilities: {netAdmin: true, gre: true, socketAbort}, programs}),
  );
  await raise(netlinker);
  const pids = new Map(programs.map(({command, pid}) => [command, pid]));
  return {netlinker, pids, [Symbol.asyncDispose]: () => netlinker[Symbol.asyncDispose]()};
}

sockets('recording over memory', plan => openModel(plan, true));
sockets('recording over memory without socket abort', plan => openModel(plan, false));
