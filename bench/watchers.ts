import {type ClientReadableStream, credentials} from '@grpc/grpc-js';
import {Controller} from '../lab/controller.js';
import {specs} from '../lab/specs.js';
import type {TunnelEvent} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {TunnelServiceClient} from '../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {Child, daemonProgram, temporaryFolder} from './child.js';
import type {Part} from './part.js';
import {type Judge, quantile, row} from './row.js';

const many = 1000;
/** Below the daemon's limit of streams a connection. */
const perConnection = 100;
const events = 40;

const under100: Judge = ours => ({text: 'under 100 ms', met: ours < 100});

/** Watches, and says when each event arrives. */
class Watchers implements Disposable {
  readonly #clients: TunnelServiceClient[] = [];
  readonly #streams: ClientReadableStream<TunnelEvent>[] = [];
  /** Called with each event at each watcher. */
  onEvent: (event: TunnelEvent) => void = () => {};

  /** Resolves when each watcher has had its snapshot. */
  static async open(socket: string, count: number): Promise<Watchers> {
    const watchers = new Watchers();
    const ready: Promise<void>[] = [];
    for (let index = 0; index < count; index++) {
      if (index % perConnection === 0) watchers.#connect(socket);
      ready.push(watchers.#watch());
    }
    await Promise.all(ready);
    return watchers;
  }

  #connect(socket: string): void {
    // Or all clients would share one connection.
    const options = {'grpc.use_local_subchannel_pool': 1};
    this.#clients.push(new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure(), options));
  }

  #watch(): Promise<void> {
    const stream = this.#clients.at(-1)?.watchTunnels({resumeToken: '', names: []});
    if (!stream) throw new TypeError('no client yet');
    this.#streams.push(stream);
    return new Promise((resolve, reject) => {
      stream.on('error', reject); // at the end, where it is cancelled, nobody asks any more
      stream.on('data', (event: TunnelEvent) => {
        if (event.tunnel === undefined) resolve();
        this.onEvent(event);
      });
    });
  }

  [Symbol.dispose](): void {
    for (const stream of this.#streams) stream.cancel();
    for (const client of this.#clients) client.close();
  }
}

/** Milliseconds from the call that changes a tunnel to the event of it at each watcher. */
async function latencies(socket: string, controller: Controller, count: number): Promise<number[]> {
  using watchers = await Watchers.open(socket, count);
  const found: number[] = [];
  for (let index = 0; index < events; index++) {
    const start = performance.now();
    let left = count;
    const all = new Promise<void>(resolve => {
      watchers.onEvent = () => {
        found.push(performance.now() - start);
        left -= 1;
        if (left === 0) resolve();
      };
    });
    await controller.update({...specs.multicast, mcastSubGroups: [`233.84.178.${100 + (index % 2)}`]});
    await all;
  }
  return found;
}

/** What a thousand watchers of one daemon have to wait for, and cost. */
export const watchers: Part = async note => {
  await using folder = await temporaryFolder();
  const socket = folder.socket('daemon');
  const flags = ['--netlink=memory', '--socket', socket, '--max-watchers', `${many}`, '--log-level', 'info'];
  await using daemon = await Child.start(daemonProgram, ...flags);
  using controller = new Controller(socket);
  await controller.provision(specs.multicast);
  const alone = await latencies(socket, controller, 1);
  const before = daemon.residentMemory();
  const crowd = await latencies(socket, controller, many);
  const perWatcher = (daemon.residentMemory() - before) / many / 1000;
  note(
    `watchers: ${perWatcher.toFixed(1)} kB of resident memory for each of ${many} watchers, the buffers in use among it`,
  );
  return [
    row(
      `an event at each of ${many} watchers, p50, against one watcher`,
      quantile(crowd, 0.5),
      quantile(alone, 0.5),
      'ms',
    ),
    row(
      `an event at each of ${many} watchers, p99, against one watcher`,
      quantile(crowd, 0.99),
      quantile(alone, 0.99),
      'ms',
      under100,
    ),
  ];
};
