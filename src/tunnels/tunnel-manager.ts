import {NetlinkError, type ResolvedRoute} from '../netlink/netlinker.js';
import type {StepReport} from '../services/step.js';
import {slotNames, strategyFor} from '../services/strategies.js';
import type {Ports} from '../services/strategy.js';
import type {TeardownSettings} from '../services/teardown.js';
import type {TunnelSpec} from '../services/tunnel-spec.js';
import type {Logger} from '../telemetry/logger.js';
import type {ChangeOptions, UpdateOptions} from './change-options.js';
import {DriftMonitor} from './drift-monitor.js';
import {InvalidArgument, TunnelError} from './errors.js';
import {type ChangeType, type TunnelEvent, TunnelEvents, type WatchOptions} from './events.js';
import {toTunnelError} from './failure.js';
import {FieldParser} from './field-parser.js';
import {type Journal, noJournal} from './journal.js';
import {Operations} from './operations.js';
import {
  checkAgainstOthers,
  checkEtag,
  notFound,
  type Plan,
  type Planned,
  planFor,
  preview,
  tunnelExists,
} from './plan.js';
import {Slot} from './slot.js';
import {parseSpec, type SpecInput} from './spec-parse.js';
import type {Tunnel} from './tunnel.js';
import {withUnderlaySource} from './underlay.js';

/** A route towards a destination, and the tunnel it leads through, if any. */
export interface RouteAnswer extends Partial<ResolvedRoute> {
  readonly tunnel?: string | undefined;
}

export interface TunnelManagerOptions extends Omit<Ports, 'teardown'> {
  /** Default: sockets are aborted, no linger. */
  readonly teardown?: TeardownSettings;
  readonly log: Logger;
  /** Default: none. */
  readonly journal?: Journal;
  /** Whether what other programs take out of the kernel is put back. Default: true. */
  readonly repair?: boolean;
}

const quickTeardown: TeardownSettings = {linger: 0, abortSockets: 'on'};

/** The daemon's tunnels: one slot a service family, changes queued slot by slot, reads straight from memory. */
export class TunnelManager implements AsyncDisposable {
  private readonly slots = new Map(slotNames.map(name => [name as string, new Slot(name)]));
  private readonly ports: Ports;
  private readonly journal: Journal;
  private readonly operations: Operations;
  private readonly monitor: DriftMonitor;
  private readonly events = new TunnelEvents(() =>
    [...this.slots.values()].flatMap(({known}) => (known ? [this.observed(known)] : [])),
  );
  private readonly stopListening: readonly (() => void)[];
  private draining = false;

  constructor({log, journal = noJournal, repair = true, teardown = quickTeardown, ...rest}: TunnelManagerOptions) {
    const ports = {...rest, teardown};
    this.ports = ports;
    this.journal = journal;
    const announce = (type: ChangeType, tunnel: Tunnel, reason?: string) =>
      this.events.publish(type, this.observed(tunnel), reason);
    this.operations = new Operations({ports, journal, log, announce});
    this.monitor = new DriftMonitor([...this.slots.values()], {
      ports,
      operations: this.operations,
      log,
      announce,
      onLook: tunnel => this.events.publishComplaint(this.observed(tunnel)),
      repair,
    });
    const announceSession = (name: string) => {
      const tunnel = this.slots.get(name)?.known;
      if (tunnel) announce('sessionChanged', tunnel);
    };
    this.stopListening = [
      ports.bgp.onSessionChange(announceSession),
      ports.multicast.onNeighborChange(announceSession),
    ];
  }

  /**
   * Brings back the tunnels of the journal, in the slots' queues: reads answer meanwhile, changes wait. Where the journal
   * could not be read nothing in the kernel is touched, since nobody knows what of it is wanted.
   */
  async restore(): Promise<void> {
    const {restored} = this.journal;
    if (!restored) return;
    const entryOf = (slot: Slot) => restored.find(({name}) => name === slot.name);
    // What is to go goes first, then what nobody wants, since that takes every guard along: the addresses of the former are
    // guarded still, those of what is set up after them may be guarded again as soon as a caller has it removed.
    const turnOf = (slot: Slot) => (entryOf(slot)?.doomed ? 0 : entryOf(slot) ? 2 : 1);
    const slots = [...this.slots.values()].sort((a, b) => turnOf(a) - turnOf(b));
    const expected = new Map(
      slots.flatMap(slot => {
        const entry = entryOf(slot);
        return entry ? [[slot, this.operations.expect(slot, entry)] as const] : [];
      }),
    );
    let before: Promise<unknown> = this.operations.noteTeardowns([...expected.values()]);
    for (const slot of slots) {
      const tunnel = expected.get(slot);
      const turn = before;
      before = slot.run(async () => {
        await turn;
        await (tunnel ? this.operations.restore(slot, tunnel) : this.operations.sweep(slot));
      });
    }
    await before;
  }

  /** What happens to the tunnels, in order: see `TunnelEvents.watch`. */
  watch(options: WatchOptions): AsyncIterable<TunnelEvent> {
    return this.events.watch(options);
  }

  list(): Tunnel[] {
    return [...this.slots.values()].flatMap(({tunnel}) => tunnel ?? []);
  }

  /** Fails with `tunnel-not-found`. */
  get(name: string): Tunnel {
    const tunnel = this.slotNamed(name).tunnel;
    if (!tunnel) throw notFound(name);
    return tunnel;
  }

  /** Creates a tunnel. The same spec again changes nothing; another spec fails with `tunnel-exists`. */
  async provision(input: SpecInput | undefined, options: ChangeOptions = {}): Promise<Tunnel> {
    return this.bringAbout(input, options, (slot, spec) => {
      const plan = planFor(slot, spec);
      if (plan.kind === 'change') throw tunnelExists(plan.tunnel, plan.change);
      return plan;
    });
  }

  /** Moves a tunnel to a spec. Fails with `tunnel-not-found` where there is none, unless `allowMissing`. */
  async update(input: SpecInput | undefined, options: UpdateOptions = {}): Promise<Tunnel> {
    const {etag = '', allowMissing = false} = options;
    return this.bringAbout(input, options, (slot, spec) => {
      if (!slot.tunnel && !allowMissing) throw notFound(slot.name);
      checkEtag(slot, etag);
      return planFor(slot, spec);
    });
  }

  /** Tears a tunnel down. Resolves when nothing of it is left, to what became of each step. */
  async remove(name: string, options: Omit<UpdateOptions, 'validateOnly'> = {}): Promise<StepReport[]> {
    const {etag = '', allowMissing = false, signal, onTurn} = options;
    if (allowMissing && name !== '' && !this.slots.has(name)) return [];
    const slot = this.slotNamed(name);
    return this.change(slot, signal, async () => {
      onTurn?.({name, current: slot.tunnel});
      if (!slot.tunnel) {
        if (allowMissing) return [];
        throw notFound(name);
      }
      checkEtag(slot, etag);
      return this.operations.remove(slot, slot.tunnel);
    });
  }

  /** What the kernel would do with a packet to a destination; empty where it has no route. */
  async resolveRoute(text: string): Promise<RouteAnswer> {
    const fields = new FieldParser();
    const destination = fields.address('destination', text);
    if (destination === undefined) throw new InvalidArgument(fields.violations);
    try {
      const route = await this.ports.netlinker.routeGet(destination);
      const tunnel = this.slots.get(route.interface)?.tunnel?.name;
      return {...route, tunnel};
    } catch (error) {
      if (error instanceof NetlinkError && error.kind === 'missing') return {};
      throw toTunnelError(error);
    }
  }

  /** Lets running operations finish and refuses new ones with `draining`; with `teardown` the tunnels go until the next start. */
  async drain({teardown}: {readonly teardown: boolean}): Promise<void> {
    this.draining = true;
    const results = await Promise.allSettled(
      [...this.slots.values()].map(slot =>
        slot.run(async () => {
          if (teardown && slot.tunnel) await this.operations.suspend(slot, slot.tunnel);
        }),
      ),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.stopListening) stop();
    await this.monitor[Symbol.asyncDispose]();
  }

  private observed(tunnel: Tunnel) {
    const {bgp, multicast} = this.ports;
    return {tunnel, session: bgp.session(tunnel.name), multicast: multicast.status(tunnel.name)};
  }

  private async bringAbout(
    input: SpecInput | undefined,
    {validateOnly = false, signal, onTurn}: ChangeOptions,
    decide: (slot: Slot, spec: TunnelSpec) => Plan,
  ): Promise<Tunnel> {
    const parsed = parseSpec(input);
    const slot = this.slotNamed(strategyFor(parsed).interfaceName);
    const plan = async () => {
      onTurn?.({name: slot.name, current: slot.tunnel, wanted: parsed});
      const spec = await withUnderlaySource(this.ports.netlinker, parsed, slot.tunnel).catch(rethrow);
      checkAgainstOthers(spec, this.slots.values());
      return {spec, plan: decide(slot, spec)};
    };
    if (validateOnly) return preview(slot, await plan());
    return this.change(slot, signal, async () => {
      const planned = await plan();
      return slot.claim(planned.spec, () => this.carryOut(slot, planned));
    });
  }

  private async carryOut(slot: Slot, {spec, plan}: Planned): Promise<Tunnel> {
    if (plan.kind === 'keep') return plan.tunnel;
    if (plan.kind === 'mend') return this.operations.mend(slot, plan.tunnel);
    if (plan.kind === 'change') return this.operations.change(slot, plan.tunnel, plan.change);
    if (plan.remains) await this.operations.remove(slot, plan.remains);
    return this.operations.create(slot, spec);
  }

  /** Queues a change, unless the daemon drains; a caller that has given up by then is let go. */
  private async change<T>(slot: Slot, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.refuseWhileDraining();
    return slot.run(async () => {
      this.refuseWhileDraining();
      return work();
    }, signal);
  }

  private refuseWhileDraining(): void {
    if (this.draining) throw new TunnelError('draining', 'the daemon is shutting down');
  }

  private slotNamed(name: string): Slot {
    if (name === '') throw new InvalidArgument([{field: 'name', description: 'is required'}]);
    const slot = this.slots.get(name);
    if (!slot) throw notFound(name);
    return slot;
  }
}

function rethrow(error: unknown): never {
  throw toTunnelError(error);
}
