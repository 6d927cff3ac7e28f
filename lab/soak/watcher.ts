import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {type TunnelEvent, TunnelEventType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import type {SlotName} from './specs.js';
import {WatchStream} from './watch-stream.js';

const {
  TUNNEL_EVENT_TYPE_SNAPSHOT: snapshot,
  TUNNEL_EVENT_TYPE_SNAPSHOT_END: snapshotEnd,
  TUNNEL_EVENT_TYPE_REMOVED: removed,
} = TunnelEventType;

/** gRPC's number of RESOURCE_EXHAUSTED: cut off for reading too slowly. */
const cutOff = 8;

/** What a watcher knows of a tunnel, as text. */
export const viewOf = ({
  uid,
  etag,
  state,
}: {
  readonly uid: string;
  readonly etag: string;
  readonly state: TunnelState;
}) => `${uid} ${etag} ${TunnelState[state]}`;

/** An event as far as it matters here. A snapshot's tunnels have no token. */
export interface SeenEvent {
  readonly token: string;
  readonly name: string;
  /** Begins a snapshot, or continues one. */
  readonly isSnapshot: boolean;
  readonly isSnapshotEnd: boolean;
}

/** A watcher, over all its connections. */
export class SoakWatcher {
  readonly names: readonly SlotName[];
  /** What it knows of each tunnel. */
  readonly view = new Map<string, string>();
  /** In the order they came; whoever has looked at one takes it out. */
  readonly seen: SeenEvent[] = [];
  #token = '';
  #stream: WatchStream | undefined;
  #inSnapshot = false;
  isStalled = false;
  /** How often it was cut off. */
  cutOffs = 0;
  /** Why it ended though nobody had it end. */
  fault = '';

  constructor(
    private readonly socket: string,
    names: readonly SlotName[] = [],
  ) {
    this.names = names;
    this.#connect();
  }

  stall(): void {
    this.isStalled = true;
    this.#stream?.stall();
  }

  goOn(): void {
    this.isStalled = false;
    this.#stream?.goOn();
  }

  /** Breaks the connection and resumes with the last token. */
  reconnect(): void {
    this.#stream?.vanish();
    this.isStalled = false;
    this.#connect();
  }

  leave(): void {
    this.#stream?.leave();
  }

  vanish(): void {
    this.#stream?.vanish();
  }

  #connect(): void {
    // Half a snapshot cannot be gone on from.
    this.#inSnapshot = false;
    const request = {resumeToken: this.#token, names: [...this.names]};
    this.#stream = new WatchStream(this.socket, request, {
      event: event => this.#event(event),
      ended: (status, message) => {
        if (status === cutOff) {
          this.cutOffs += 1;
          this.isStalled = false;
          this.#connect();
        } else {
          this.fault = `status ${status}: ${message}`;
        }
      },
    });
  }

  #event({type, tunnel, resumeToken}: TunnelEvent): void {
    const isSnapshot = type === snapshot || type === snapshotEnd;
    if (isSnapshot && !this.#inSnapshot) this.view.clear();
    this.#inSnapshot = type === snapshot;
    if (resumeToken !== '') this.#token = resumeToken;
    if (tunnel && type === removed) this.view.delete(tunnel.name);
    else if (tunnel) this.view.set(tunnel.name, viewOf(tunnel));
    this.seen.push({token: resumeToken, name: tunnel?.name ?? '', isSnapshot, isSnapshotEnd: type === snapshotEnd});
  }
}
