import type {Action} from './actions.js';
import type {SlotName} from './specs.js';
import {type SeenEvent, SoakWatcher} from './watcher.js';

/** Events that the daemon keeps for those who resume. */
export const historyLength = 4096;

/** Watchers there may be beside the steady one. */
const most = 12;

/** `place`: in the history, of the last event that was found right; -1 before the first. */
interface Other {
  readonly watcher: SoakWatcher;
  place: number;
}

type WatcherAction = Extract<Action, {kind: 'watcher'}>;

/**
 * Watchers that come and go, beside a steady one whose events are the measure of the others': each has to have seen just
 * these, in this order, none twice and none left out, whatever became of its connections.
 */
export class Crowd {
  readonly #socket: string;
  readonly #steady: SoakWatcher;
  readonly #history: SeenEvent[] = [];
  readonly #places = new Map<string, number>();
  readonly #others: Other[] = [];
  /** Cut off for reading too slowly, all in all. */
  cutOffs = 0;

  constructor(socket: string) {
    this.#socket = socket;
    this.#steady = new SoakWatcher(socket);
  }

  get size(): number {
    return this.#others.length;
  }

  /** Events there were so far. */
  get events(): number {
    return this.#history.length;
  }

  come(names: readonly SlotName[]): void {
    if (this.#others.length === most) {
      this.#others[0]?.watcher.leave();
      this.#forget(0);
    }
    this.#others.push({watcher: new SoakWatcher(this.#socket, names), place: -1});
  }

  perform({does, which}: WatcherAction): void {
    if (this.#others.length === 0) return;
    const index = which % this.#others.length;
    const watcher = this.#others[index]?.watcher;
    if (does === 'stalls') watcher?.stall();
    else if (does === 'goes on') watcher?.goOn();
    else if (does === 'reconnects') watcher?.reconnect();
    else {
      if (does === 'leaves') watcher?.leave();
      else watcher?.vanish();
      this.#forget(index);
    }
  }

  /** Of the watchers that read, what is not as it should be; empty where all have seen everything there was. */
  check(tunnels: ReadonlyMap<string, string>): string[] {
    const faults = [...this.#checkSteady(tunnels)];
    for (const other of this.#others) {
      if (!other.watcher.isStalled) faults.push(...this.#checkOther(other, tunnels));
    }
    return faults;
  }

  /** All go, one half of them without a word. */
  disperse(): void {
    for (const [index, {watcher}] of this.#others.entries()) {
      if (index % 2 === 0) watcher.leave();
      else watcher.vanish();
    }
    while (this.#others.length > 0) this.#forget(0);
    this.#steady.leave();
  }

  /** The steady one comes back and goes on where it was. */
  gather(): void {
    this.#steady.reconnect();
  }

  #forget(index: number): void {
    const [gone] = this.#others.splice(index, 1);
    this.cutOffs += gone?.watcher.cutOffs ?? 0;
  }

  *#checkSteady(tunnels: ReadonlyMap<string, string>): Generator<string> {
    const {fault, view, seen} = this.#steady;
    if (fault) yield `the steady watcher has ended: ${fault}`;
    for (const event of seen.splice(0)) {
      if (event.isSnapshot && this.#history.length > 0) throw new Error('the steady watcher could not resume');
      if (event.token === '') continue;
      if (this.#places.has(event.token)) throw new Error('the steady watcher has seen an event twice');
      this.#places.set(event.token, this.#history.length);
      this.#history.push(event);
    }
    yield* differences('the steady watcher', view, tunnels);
  }

  *#checkOther(other: Other, tunnels: ReadonlyMap<string, string>): Generator<string> {
    const {watcher} = other;
    const isForIt = (name: string) => watcher.names.length === 0 || watcher.names.some(own => own === name);
    const title = `a watcher${watcher.names.length > 0 ? ` of ${watcher.names.join()}` : ''}`;
    if (watcher.fault) yield `${title} has ended: ${watcher.fault}`;
    while (watcher.seen[0]) {
      const place = this.#placeAfter(watcher.seen[0], other, title, isForIt);
      // The steady one is the later one to hear of it now and then.
      if (place === undefined) {
        yield `${title} has seen an event that the steady one has not`;
        return;
      }
      other.place = place;
      watcher.seen.shift();
    }
    const wanted = [...tunnels].filter(([name]) => isForIt(name));
    yield* differences(title, watcher.view, new Map(wanted));
    if (this.#history.slice(other.place + 1).some(({name}) => isForIt(name))) yield `${title} is behind`;
  }

  /** Where in the history a watcher is after its next event. Throws where that is not the one it has to be. */
  #placeAfter(event: SeenEvent, {place: before}: Other, title: string, isForIt: (name: string) => boolean) {
    if (event.token === '') return before;
    const place = this.#places.get(event.token);
    if (place === undefined) return undefined;
    const isNew = before < 0;
    if (event.isSnapshotEnd) {
      const age = this.#history.length - before;
      if (!isNew && age < historyLength) throw new Error(`${title} got a snapshot in place of ${age} events`);
      return place;
    }
    const missed = this.#history.slice(before + 1, place).find(({name}) => isForIt(name));
    if (!isNew && place <= before) throw new Error(`${title} has seen an event twice`);
    if (!isNew && missed) throw new Error(`${title} has missed an event of ${missed.name}`);
    return place;
  }
}

function* differences(
  title: string,
  view: ReadonlyMap<string, string>,
  tunnels: ReadonlyMap<string, string>,
): Generator<string> {
  for (const name of new Set([...view.keys(), ...tunnels.keys()])) {
    const [seen, there] = [view.get(name), tunnels.get(name)];
    if (seen !== there) yield `${title} sees ${name} as ${seen ?? 'gone'}, but it is ${there ?? 'gone'}`;
  }
}
