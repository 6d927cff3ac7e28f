import {setTimeout as delay} from 'node:timers/promises';
import {Refusal} from '../controller.js';
import {type Action, type Call, type Damage, describeCall, type Fault} from './actions.js';
import {Crowd} from './crowd.js';
import {serviceAddress} from './expected.js';
import {
  after,
  afterAll,
  type Circumstances,
  distinct,
  emptyWorld,
  kernelRefusals,
  type Outcome,
  type World,
} from './model.js';
import type {SoakPlace} from './place.js';
import {type SlotName, sameSpec} from './specs.js';

type Of<Kind extends Action['kind']> = Extract<Action, {kind: Kind}>;

/** Does what was drawn to a daemon, and keeps account of how its tunnels may stand after each answer. */
export class Performer {
  readonly crowd: Crowd;
  /** How the tunnels may stand. More than one where the order of calls, or whether one was served, is not known. */
  worlds: readonly World[] = [emptyWorld];
  /** Interfaces somebody else has pulled at since the last rest. */
  readonly disturbed = new Set<SlotName>();
  /** Those that were set down and not up again. */
  readonly lowered = new Set<SlotName>();
  /** How often a tunnel may have been set up anew without a change of its spec: an update that fails does that. */
  rebuilds = 0;
  /** Calls by how they ended, and other things that happened, for the summary. */
  readonly counts = new Map<string, number>();

  constructor(private readonly place: SoakPlace) {
    this.crowd = new Crowd(place.socket);
  }

  async perform(action: Action): Promise<void> {
    switch (action.kind) {
      case 'call':
        return this.#single(action);
      case 'burst':
        return this.#burst(action);
      case 'damage':
        return this.#damage(action);
      case 'restart session':
        await this.#arm(action.faults);
        return this.place.device.restartSession(action.endpoint);
      case 'announce':
        await this.#arm(action.faults);
        return this.place.device.announce(action.prefixes);
      case 'kill the device':
        return this.place.device.kill();
      case 'freeze the device':
        return this.place.device.freeze();
      case 'watch':
        return this.crowd.come(action.names);
      case 'watcher':
        return this.crowd.perform(action);
    }
  }

  /** Makes a call and takes account of its answer. Rejects where nothing explains that. */
  async call(call: Call, faults: readonly Fault[] = [], cancelAfter?: number): Promise<void> {
    const {daemon} = this.place;
    await daemon.fired();
    if (faults.length > 0) await daemon.arm(faults);
    const outcome = await this.#outcome(call, cancelAfter);
    if (outcome.ended === 'gone') await this.#queueIsEmpty(call.slot);
    if (faults.length > 0) await daemon.disarm();
    const circumstances = await this.#circumstances();
    const next = distinct(this.worlds.flatMap(world => after(world, call, outcome, circumstances)));
    this.#take(next, [{call, outcome}], circumstances);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #single({call, faults, cancelAfter}: Of<'call'>): Promise<void> {
    return this.call(call, faults, cancelAfter);
  }

  /** Reads do not wait for any of the calls. */
  async #burst({calls}: Of<'burst'>): Promise<void> {
    await this.place.daemon.fired();
    const [outcomes] = await Promise.all([
      Promise.all(calls.map(async call => ({call, outcome: await this.#outcome(call)}))),
      this.place.daemon.controller.list(),
      this.place.daemon.controller.daemonInfo(),
    ]);
    const circumstances = await this.#circumstances();
    const next = distinct(this.worlds.flatMap(world => afterAll(world, outcomes, circumstances)));
    this.#take(next, outcomes, circumstances);
  }

  async #damage({slot, damage, faults}: Of<'damage'>): Promise<void> {
    await this.#arm(faults);
    this.disturbed.add(slot);
    if (damage === 'lower the interface') this.lowered.add(slot);
    // What is not there cannot be damaged.
    await this.place.host.batch(`${this.#command(slot, damage)}\n`, '-force').catch(() => undefined);
  }

  #command(slot: SlotName, damage: Damage): string {
    const tunnel = this.worlds[0]?.[slot];
    const address = tunnel?.is === 'running' ? serviceAddress(tunnel.spec) : undefined;
    const commands: Readonly<Record<Damage, string>> = {
      'delete the interface': `link del ${slot}`,
      'lower the interface': `link set ${slot} down`,
      'flush the addresses': `addr flush dev ${slot}`,
      'delete the service address': `addr del ${address ?? '10.99.9.9'}/32 dev ${slot}`,
      'delete a rule': 'rule del priority 101',
      'delete the default route': 'route del default table 101',
      'flush the learned routes': `route flush dev ${slot} table all protocol 186`,
      'flush the main table': `route flush dev ${slot}`,
      'change the MTU': `link set ${slot} mtu 1400`,
    };
    return commands[damage];
  }

  async #outcome(call: Call, cancelAfter?: number): Promise<Outcome> {
    const cancel = new AbortController();
    if (cancelAfter !== undefined) void delay(cancelAfter).then(() => cancel.abort());
    try {
      await this.#make(call, cancel.signal);
      this.count(`${call.kind} OK`);
      return {ended: 'ok'};
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const {code, reason = '', metadata} = error;
      this.count(`${call.kind} ${reason || code}`);
      if (code === 'CANCELLED' || kernelRefusals.has(reason)) this.rebuilds += 1;
      return code === 'CANCELLED' ? {ended: 'gone'} : {ended: 'refused', code, reason, metadata};
    }
  }

  /** What was begun for a caller that has gone is done when a call after it is answered. This one changes nothing. */
  async #queueIsEmpty(slot: SlotName): Promise<void> {
    await this.place.daemon.controller.remove(slot, {etag: 'wrong'}).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
    });
  }

  async #make(call: Call, signal: AbortSignal): Promise<void> {
    const {controller} = this.place.daemon;
    const etag = await this.#etag(call);
    if (call.kind === 'remove') {
      await controller.remove(call.slot, {allowMissing: call.allowMissing, etag, signal});
      return;
    }
    const {drawn, validateOnly} = call;
    const spec = drawn.withoutSource ? {...drawn.spec, tunnelSrc: ''} : drawn.spec;
    const answer =
      call.kind === 'provision'
        ? await controller.provision(spec, {validateOnly, signal})
        : await controller.update(spec, {allowMissing: call.allowMissing, validateOnly, etag, signal});
    if (!answer.spec || !sameSpec(answer.spec, drawn.spec)) {
      throw new Error(`asked for another spec than the answer has: ${JSON.stringify(answer)}`);
    }
  }

  async #etag(call: Call): Promise<string> {
    if (call.kind === 'provision' || call.etag === 'none') return '';
    if (call.etag === 'wrong') return 'wrong';
    const tunnels = await this.place.daemon.controller.list();
    return tunnels.find(({name}) => name === call.slot)?.etag ?? '';
  }

  async #circumstances(): Promise<Circumstances> {
    const fired = await this.place.daemon.fired();
    for (const {operation} of fired) this.count(`refused ${operation}`);
    return {fired, disturbed: this.disturbed};
  }

  #take(
    next: readonly World[],
    calls: readonly {readonly call: Call; readonly outcome: Outcome}[],
    circumstances: Circumstances,
  ): void {
    if (next.length === 0) {
      const answers = calls.map(({call, outcome}) => `${describeCall(call)} → ${JSON.stringify(outcome)}`);
      const fired = JSON.stringify(circumstances.fired);
      throw new Error(
        `nothing explains this:\n${answers.join('\n')}\nrefused by the kernel meanwhile: ${fired}\n` +
          `pulled at: ${[...this.disturbed].join() || 'nothing'}\nit stood: ${JSON.stringify(this.worlds)}`,
      );
    }
    this.worlds = next;
  }

  async #arm(faults: readonly Fault[]): Promise<void> {
    if (faults.length > 0) await this.place.daemon.arm(faults);
  }
}
