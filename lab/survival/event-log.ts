import {EventEmitter, once} from 'node:events';
import {type ClientReadableStream, credentials} from '@grpc/grpc-js';
import {type TunnelEvent, TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';

/** One event of the watch, and when it arrived. */
export interface Seen {
  readonly type: TunnelEventType;
  readonly reason: string;
  readonly state: number | undefined;
  /** `performance.now()`. */
  readonly time: number;
}

/** What a watcher of a daemon sees. */
export class EventLog implements AsyncDisposable {
  readonly events: Seen[] = [];
  readonly #emitter = new EventEmitter();
  readonly #client: TunnelServiceClient;
  readonly #stream: ClientReadableStream<TunnelEvent>;

  private constructor(socket: string) {
    this.#client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure());
    this.#stream = this.#client.watchTunnels({resumeToken: '', names: []});
    this.#stream.on('error', () => undefined); // the daemon may be killed
    this.#stream.on('data', ({type, reason, tunnel}: TunnelEvent) => {
      this.events.push({type, reason, state: tunnel?.state, time: performance.now()});
      this.#emitter.emit('event');
    });
  }

  /** Resolves when the snapshot is there. */
  static async open(socket: string): Promise<EventLog> {
    const log = new EventLog(socket);
    await log.next(TunnelEventType.TUNNEL_EVENT_TYPE_SNAPSHOT_END, 0, 60_000);
    return log;
  }

  /** The first event of the type that arrived at the time or later. Rejects where it does not come within `timeoutMs`. */
  async next(type: TunnelEventType, since: number, timeoutMs: number): Promise<Seen> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = this.events.find(event => event.type === type && event.time >= since);
      if (found) return found;
      await once(this.#emitter, 'event', {signal}).catch(() => {
        const seen = this.events.filter(({time}) => time >= since).map(event => TunnelEventType[event.type]);
        throw new Error(`no ${TunnelEventType[type]} within ${timeoutMs} ms, only ${seen.join(', ') || 'nothing'}`);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.cancel();
    this.#client.close();
  }
}
