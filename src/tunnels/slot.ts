import type {TunnelSpec} from '../services/tunnel-spec.js';
import {NotStarted} from './errors.js';
import type {Tunnel} from './tunnel.js';

/** The place of one tunnel. Changes go through its queue, one at a time; `tunnel` can be read at any moment. */
export class Slot {
  tunnel: Tunnel | undefined;
  /** The tunnel is only being created: nobody was told of it, and if it comes to nothing nobody will be. */
  isUnborn = false;
  private claimed: TunnelSpec | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(readonly name: string) {}

  /**
   * Runs the work when all that was queued before it is done. A signal that is aborted by then keeps it from starting
   * (`NotStarted`); later it is ignored, since work that has touched the kernel has to end in order.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.last.then(() => {
      if (signal?.aborted) throw new NotStarted();
      return work();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** What watchers are told of. One that is not created yet is not among it: its end would be no news to anybody. */
  get known(): Tunnel | undefined {
    return this.isUnborn ? undefined : this.tunnel;
  }

  /** What the slot has and what it is about to have: the other slots have to keep clear of both. */
  get specs(): TunnelSpec[] {
    return [...new Set([this.tunnel?.spec, this.claimed])].filter(spec => spec !== undefined);
  }

  /** Does the work with the spec claimed, so that no other slot takes its addresses meanwhile. */
  async claim<T>(spec: TunnelSpec, work: () => Promise<T>): Promise<T> {
    this.claimed = spec;
    try {
      return await work();
    } finally {
      this.claimed = undefined;
    }
  }

  /** Replaces the tunnel by one that differs in the fields given. */
  set(tunnel: Tunnel, change: Partial<Tunnel> = {}): Tunnel {
    this.tunnel = {...tunnel, ...change};
    return this.tunnel;
  }
}
