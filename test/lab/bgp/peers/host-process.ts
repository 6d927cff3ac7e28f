// What the daemon runs of BGP, in a process of its own: in a network namespace, to be frozen or killed. Takes a command
// a line as JSON on standard input, writes answers and every change of a session likewise, and ends by itself after
// `dispose`, if nothing is left running.
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {createInterface} from 'node:readline';
import type {BgpPeer, RoutePage} from '../../../../src/bgp/bgp-speaker.js';
import {Speaker} from '../../../../src/bgp/speaker.js';
import {KernelNetlinker} from '../../../../src/netlink/kernel.js';
import {silentLogger} from '../../../world.js';
import type {HostOptions} from './host.js';

export type Command =
  | {readonly call: 'addPeer'; readonly peer: BgpPeer}
  | {readonly call: 'deletePeer' | 'session'; readonly tunnel: string}
  | {readonly call: 'routes'; readonly tunnel: string; readonly page: RoutePage}
  | {readonly call: 'longestDelay' | 'dispose'};

const options: HostOptions = JSON.parse(process.argv[2] ?? '{}');
const netlinker = await KernelNetlinker.open();
const speaker = new Speaker({netlinker, log: silentLogger(), ...options});
const delays = monitorEventLoopDelay({resolution: 10});
delays.enable();

const write = (message: unknown) => console.log(JSON.stringify(message));

speaker.onSessionChange(tunnel => {
  const {state, lastError} = speaker.session(tunnel) ?? {};
  write({session: tunnel, state, lastError});
});

async function perform(command: Command): Promise<unknown> {
  switch (command.call) {
    case 'addPeer':
      return speaker.addPeer(command.peer);
    case 'deletePeer':
      return speaker.deletePeer(command.tunnel);
    case 'session':
      return speaker.session(command.tunnel);
    case 'routes':
      return speaker.routes(command.tunnel, command.page);
    case 'longestDelay':
      return delays.max / 1e6;
    case 'dispose':
      delays.disable();
      await speaker[Symbol.asyncDispose]();
      await netlinker[Symbol.asyncDispose]();
      input.close();
      process.stdin.destroy();
      return undefined;
  }
}

const input = createInterface({input: process.stdin});
input.on('line', line => {
  const {id, ...command}: Command & {id: number} = JSON.parse(line);
  perform(command as Command).then(
    result => write({answer: id, result}),
    error => write({answer: id, error: String(error)}),
  );
});
write({ready: true});
