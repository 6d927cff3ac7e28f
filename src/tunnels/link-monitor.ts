import {setTimeout as delay} from 'node:timers/promises';
import type {Link, Netlinker} from '../netlink/netlinker.js';
import {messageOf} from '../services/step.js';
import type {Logger} from '../telemetry/logger.js';
import type {Slot} from './slot.js';

/** Milliseconds between two looks at the interfaces: reads of a tunnel are answered from memory, at most this old. */
const period = 1000;

/** Keeps each tunnel's view of its interface fresh, and its state true to what was seen. */
export class LinkMonitor implements AsyncDisposable {
  private readonly stop = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    private readonly netlinker: Netlinker,
    private readonly slots: readonly Slot[],
    private readonly log: Logger,
  ) {
    this.running = this.watch();
  }

  async look(slot: Slot): Promise<void> {
    const before = slot.tunnel;
    if (before?.state !== 'up' && before?.state !== 'degraded') return;
    const link = await this.netlinker.link(before.name);
    // An operation that started meanwhile knows better.
    if (slot.tunnel !== before) return;
    const fault = linkFault(before.name, link);
    const state = fault ? 'degraded' : 'up';
    // What an operation left to say stays said while the link is well.
    const lastError = fault ?? (before.state === 'up' ? before.lastError : '');
    if (state === before.state && lastError === before.lastError) {
      slot.tunnel = {...before, link};
      return;
    }
    slot.set(before, {link, state, lastError});
    if (state !== before.state) this.log.warn(`tunnel.${state}`, {tunnel: before.name, reason: lastError});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async watch(): Promise<void> {
    const {signal} = this.stop;
    for (;;) {
      await delay(period, undefined, {signal, ref: false}).catch(() => undefined);
      if (signal.aborted) return;
      for (const slot of this.slots) {
        await this.look(slot).catch((error: unknown) => {
          this.log.warn('link.unreadable', {tunnel: slot.name, error: messageOf(error)});
        });
      }
    }
  }
}

function linkFault(name: string, link: Link | undefined): string | undefined {
  if (!link) return `interface ${name} is gone`;
  return link.adminUp ? undefined : `interface ${name} is administratively down`;
}
