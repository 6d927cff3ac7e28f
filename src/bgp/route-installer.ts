import {keyPrefix, type PrefixKey, prefixKey} from '../ip/prefix-key.js';
import {NetlinkError, type Netlinker, type Route, type RouteRefusal} from '../netlink/netlinker.js';
import {refusal} from '../netlink/refusal.js';

export interface InstallerOptions {
  readonly netlinker: Netlinker;
  /** What every route of the peer has in common. */
  readonly template: Omit<Route, 'destination'>;
  /** Called when everything asked for was tried: how the kernel took it. */
  readonly onSettled: (summary: InstallSummary) => void;
  /** Called with what an operation failed with that is no refusal by the kernel. Its routes count as refused (EIO). */
  readonly onFault: (error: unknown) => void;
}

export interface InstallSummary {
  readonly added: number;
  readonly deleted: number;
  readonly refused: number;
  /** The errno of the last refusal; empty without one. */
  readonly errno: string;
  /** Milliseconds from the first change to the last. */
  readonly duration: number;
}

/** Routes handed to the kernel in one go: enough to fill its batches, few enough to let others in between. */
const portion = 1024;
/** Milliseconds until a refused route is tried again, doubled each time up to the longest. */
const firstRetry = 1000;
const longestRetry = 30_000;

/**
 * Keeps the kernel's routes in step with what one peer advertises. What is asked for is remembered as the last word on
 * each prefix, so a peer that changes its mind faster than the kernel works costs no memory and no needless work.
 */
export class RouteInstaller {
  readonly #options: InstallerOptions;
  /** Whether each prefix shall be in the kernel, where that is still to be brought about. */
  readonly #pending = new Map<PrefixKey, boolean>();
  /** Goes on where the last portion ended: from the start, each would have to pass over all that was taken before. */
  #next = this.#pending.entries();
  /** In the kernel, or on the way there. */
  readonly #installed = new Set<PrefixKey>();
  /** What the kernel refused and whether the prefix shall be there: tried again later. */
  readonly #refused = new Map<PrefixKey, boolean>();
  #working: Promise<void> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #retries = 0;
  #revision = 0;
  #stopped = false;

  constructor(options: InstallerOptions) {
    this.#options = options;
  }

  /** Prefixes the kernel has. */
  get installed(): number {
    return this.#installed.size;
  }

  /** Routes the kernel would not take, or not give up. */
  get refused(): number {
    return this.#refused.size;
  }

  /** Whether nothing is under way. */
  get isSettled(): boolean {
    return this.#working === undefined;
  }

  /** Changes whenever work begins. */
  get revision(): number {
    return this.#revision;
  }

  has(key: PrefixKey): boolean {
    return this.#installed.has(key);
  }

  /** Takes a route over that is in the kernel already. */
  adopt(key: PrefixKey): void {
    this.#installed.add(key);
  }

  add(keys: Iterable<PrefixKey>): void {
    for (const key of keys) {
      // What was refused is tried again in its time, however often the peer repeats it.
      if (this.#refused.get(key) === true) continue;
      this.#refused.delete(key);
      if (this.#installed.has(key)) this.#pending.delete(key);
      else this.#pending.set(key, true);
    }
    this.#work();
  }

  remove(keys: Iterable<PrefixKey>): void {
    for (const key of keys) {
      if (this.#installed.has(key)) this.#pending.set(key, false);
      else this.#pending.delete(key);
      this.#refused.delete(key);
    }
    this.#work();
  }

  /** How many routes are not among those that were found in the kernel. */
  countAllBut(present: ReadonlySet<PrefixKey>): number {
    let missing = 0;
    for (const key of this.#installed) if (!present.has(key)) missing += 1;
    return missing;
  }

  /** Puts back what is not among the routes that were found in the kernel, and says how many those are. */
  reinstallAllBut(present: ReadonlySet<PrefixKey>): number {
    let missing = 0;
    for (const key of this.#installed) {
      if (present.has(key)) continue;
      missing += 1;
      this.#pending.set(key, true);
    }
    this.#work();
    return missing;
  }

  /** Resolves when nothing is left to do but to try refused routes again. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Takes all routes out of the kernel and ends. What the kernel will not give up goes with the interface. */
  async flush(): Promise<void> {
    this.remove([...this.#pending.keys(), ...this.#installed]);
    await this.settled();
    await this.stop();
  }

  /** Ends and leaves the kernel as it is. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pending.clear();
    clearTimeout(this.#retryTimer);
    await this.settled();
  }

  #work(): void {
    if (this.#stopped || this.#pending.size === 0 || this.#working !== undefined) return;
    this.#revision += 1;
    this.#working = this.#workOff().finally(() => {
      this.#working = undefined;
      this.#work(); // what was asked for since it looked last
    });
  }

  async #workOff(): Promise<void> {
    const start = performance.now();
    const summary = {added: 0, deleted: 0, refused: 0, errno: ''};
    while (this.#pending.size > 0) {
      const {added, deleted} = this.#take();
      const refusals = [
        ...this.#note(added, true, await this.#attempt('routesReplace', added)),
        ...this.#note(deleted, false, await this.#attempt('routesDelete', deleted)),
      ];
      summary.added += added.length;
      summary.deleted += deleted.length;
      summary.refused += refusals.length;
      summary.errno = refusals.at(-1)?.error.errno ?? summary.errno;
      this.#scheduleRetry();
    }
    this.#options.onSettled({...summary, duration: performance.now() - start});
  }

  /** An operation that failed as a whole refused each of its routes, whatever it failed with: the others go on. */
  async #attempt(operation: 'routesReplace' | 'routesDelete', routes: readonly Route[]): Promise<RouteRefusal[]> {
    if (routes.length === 0) return [];
    try {
      return await this.#options.netlinker[operation](routes);
    } catch (cause) {
      if (cause instanceof NetlinkError) return routes.map(route => ({route, error: cause}));
      this.#options.onFault(cause);
      const error = refusal(operation, 'EIO', {cause});
      return routes.map(route => ({route, error}));
    }
  }

  /** The next portion, counted as done: what is asked for meanwhile builds on that. */
  #take(): {added: Route[]; deleted: Route[]} {
    const added: Route[] = [];
    const deleted: Route[] = [];
    const {table, protocol, gateway, source, interface: device} = this.#options.template;
    while (added.length + deleted.length < portion) {
      const {value, done} = this.#next.next();
      if (done) {
        this.#next = this.#pending.entries();
        break;
      }
      const [key, wanted] = value;
      this.#pending.delete(key);
      if (wanted) this.#installed.add(key);
      else this.#installed.delete(key);
      const route = {destination: keyPrefix(key), table, protocol, gateway, source, interface: device};
      (wanted ? added : deleted).push(route);
    }
    return {added, deleted};
  }

  /** Takes back what was counted as done and was refused, and gives that. A route that was gone already is no refusal. */
  #note(tried: readonly Route[], wanted: boolean, answers: readonly RouteRefusal[]): RouteRefusal[] {
    if (this.#refused.size > 0) for (const route of tried) this.#refused.delete(keyOf(route));
    const refusals = answers.filter(({error}) => wanted || error.kind !== 'missing');
    for (const {route} of refusals) {
      const key = keyOf(route);
      if (wanted) this.#installed.delete(key);
      else this.#installed.add(key);
      // Unless the peer has said something new of it meanwhile.
      if (!this.#pending.has(key)) this.#refused.set(key, wanted);
    }
    return refusals;
  }

  /** A retry that is due stays due: routes that come and go meanwhile must not put it off. */
  #scheduleRetry(): void {
    if (this.#refused.size === 0) this.#retries = 0;
    if (this.#refused.size === 0 || this.#retryTimer !== undefined || this.#stopped) return;
    const delay = Math.min(firstRetry * 2 ** this.#retries, longestRetry);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      if (this.#refused.size > 0) this.#retries += 1;
      for (const [key, wanted] of this.#refused) this.#pending.set(key, wanted);
      this.#work();
    }, delay);
  }
}

const keyOf = ({destination}: Route): PrefixKey => prefixKey(destination.address, destination.length);
