import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {ServiceType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {patience} from '../patience.js';
import {kernelState} from '../survival/kernel-state.js';
import {describe, drawRound} from './actions.js';
import {historyLength} from './crowd.js';
import {emptyWorld} from './model.js';
import {Performer} from './performer.js';
import {SoakPlace} from './place.js';
import {type Resources, surplus} from './resources.js';
import {difference, Rest} from './rest.js';
import {endpoints, hostUnderlay, slotNames} from './specs.js';
import {fewestSamples, memoryFault, type Sample, settled, slope} from './trend.js';

export interface SoakOptions {
  readonly seed: number;
  /** How long to go on. It takes longer where the machine is too slow for enough samples of memory. */
  readonly minutes: number;
  /** Ends it, in order, after the action under way. */
  readonly signal?: AbortSignal;
  /** Told in words how it goes. */
  readonly say?: (line: string) => void;
}

export interface SoakSummary {
  readonly rounds: number;
  readonly steps: number;
  readonly events: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly resources: Resources;
  /** Bytes a step. */
  readonly growth: number;
  readonly samples: readonly Sample[];
}

/** After so many rounds everything is removed, and what the process still has open is counted. */
const roundsToEmpty = 2;
/** Actions told of when it fails. */
const trailLength = 40;
/** Milliseconds that what was closed may take to be gone. */
const closing = patience * 60_000;

// The limit of changes is for callers who loop by mistake, and this one does it on purpose.
const flags = ['--teardown-linger', '10', '--max-changes', '1000000'];

/** A daemon that is worked for minutes, and the account of what should be there. */
class Soak {
  readonly #place: SoakPlace;
  readonly #options: SoakOptions;
  readonly #performer: Performer;
  readonly #rest: Rest;
  readonly #samples: Sample[] = [];
  readonly #trail: string[] = [];
  readonly #links: readonly string[];
  readonly #start: Resources;
  #last: Resources;
  #steps = 0;

  /** `start` and `links`: what there was before the first call. */
  constructor(place: SoakPlace, options: SoakOptions, start: Resources, links: readonly string[]) {
    this.#place = place;
    this.#options = options;
    this.#start = start;
    this.#last = start;
    this.#links = links;
    this.#performer = new Performer(place);
    this.#rest = new Rest(place, this.#performer);
  }

  async run(): Promise<SoakSummary> {
    try {
      const end = performance.now() + this.#options.minutes * 60_000;
      await this.#fillHistory();
      let round = 0;
      while (performance.now() < end || this.#samples.length < fewestSamples || round % roundsToEmpty !== 0) {
        await this.#round(round);
        round += 1;
        if (round % roundsToEmpty === 0) await this.#empty();
      }
      const fault = memoryFault(this.#samples);
      if (fault) throw new Error(fault);
      this.#performer.crowd.disperse();
      await this.#stop();
      return this.#summary(round);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /**
   * The daemon keeps its last events for watchers that resume, and memory grows until there are as many. What grows
   * afterwards is a leak. A watcher that reads nothing of it is cut off on the way.
   */
  async #fillHistory(): Promise<void> {
    const {crowd} = this.#performer;
    const {underlay, net} = endpoints[2] ?? {};
    const spec = {
      ...{serviceType: ServiceType.SERVICE_TYPE_MULTICAST, tunnelSrc: hostUnderlay},
      ...{tunnelDst: underlay ?? '', tunnelNet: net ?? '', mcastRpAddress: '10.0.0.0'},
    };
    const {controller} = this.#place.daemon;
    crowd.come([]);
    crowd.perform({kind: 'watcher', does: 'stalls', which: 0});
    for (let update = 0; update <= historyLength; update++) {
      this.#options.signal?.throwIfAborted();
      await controller.update({...spec, mcastSubGroups: [`233.84.178.${100 + (update % 2)}`]}, {allowMissing: true});
    }
    await controller.remove('doublezero1');
    crowd.perform({kind: 'watcher', does: 'goes on', which: 0});
    await this.#empty();
    if (crowd.cutOffs === 0)
      throw new Error(`a watcher that does not read was not cut off after ${historyLength} events`);
    this.#say(`${crowd.events} events to begin with`);
  }

  async #round(round: number): Promise<void> {
    const start = performance.now();
    for (const action of drawRound(this.#options.seed, round)) {
      this.#options.signal?.throwIfAborted();
      this.#steps += 1;
      this.#trail.push(`round ${round}, step ${this.#steps}: ${describe(action)}`);
      this.#performer.count(action.kind);
      await this.#performer.perform(action);
    }
    const busy = performance.now() - start;
    this.#trail.push(`round ${round}: rest`);
    await this.#rest.take();
    const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
    this.#say(
      `round ${round}: step ${this.#steps} after ${seconds(busy)} s, at rest ${seconds(performance.now() - start - busy)} s later; ` +
        `${this.#performer.crowd.events} events, ${this.#performer.crowd.size} watchers`,
    );
  }

  /** Removes everything, and finds nothing left of it anywhere. */
  async #empty(): Promise<void> {
    this.#trail.push('all is removed');
    for (const slot of slotNames) {
      await this.#performer.call({kind: 'remove', slot, allowMissing: true, etag: 'none'});
    }
    await this.#rest.take();
    const {host, baseline, stateDir} = this.#place;
    const left = [
      ...difference(await kernelState(host), baseline),
      ...difference(await this.#place.links(), this.#links),
      ...difference([JSON.stringify(this.#performer.worlds)], [JSON.stringify([emptyWorld])]),
      ...difference([await journal(stateDir)], ['[]']),
    ];
    if (left.length > 0) throw new Error(`not everything is gone:\n${left.join('\n')}`);
    this.#performer.crowd.disperse();
    await this.#measure();
    this.#performer.crowd.gather();
  }

  /** Waits until no more is open than at the start, and takes a sample of memory. */
  async #measure(): Promise<void> {
    const deadline = performance.now() + closing;
    for (;;) {
      const now = await this.#place.daemon.measure();
      const more = surplus(now, this.#start);
      if (more.length === 0) {
        this.#last = now;
        this.#samples.push({steps: this.#steps, memory: now.memory});
        return;
      }
      if (performance.now() > deadline)
        throw new Error(`the daemon has more open than at its start:\n${more.join('\n')}`);
      await delay(100);
    }
  }

  /** The process ends by itself, and only where nothing keeps it. */
  async #stop(): Promise<void> {
    this.#trail.push('the daemon is told to stop');
    const status = await Promise.race([this.#place.daemon.stop(), delay(closing, 'none yet', {ref: false})]);
    if (status !== 0) throw new Error(`the daemon was told to stop; its exit status: ${status}`);
  }

  #summary(rounds: number): SoakSummary {
    const {crowd, counts} = this.#performer;
    counts.set('watchers cut off', crowd.cutOffs);
    return {
      rounds,
      steps: this.#steps,
      events: crowd.events,
      counts: Object.fromEntries([...counts].sort()),
      resources: this.#last,
      growth: slope(settled(this.#samples)),
      samples: this.#samples,
    };
  }

  #failure(error: unknown): Error {
    const {seed} = this.#options;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const trail = this.#trail.slice(-trailLength).join('\n');
    return new Error(
      `seed ${seed}, step ${this.#steps}: ${text}\n\nWhat was done last:\n${trail}\n\n` +
        `The daemon's log ends:\n${this.#place.daemon.log()}\n\nAgain: npm run soak -- --seed ${seed}`,
      {cause: error},
    );
  }

  #say(line: string): void {
    this.#options.say?.(line);
  }
}

/** The tunnels that the journal names. */
async function journal(stateDir: string): Promise<string> {
  const {tunnels} = JSON.parse(await readFile(join(stateDir, 'tunnels.json'), 'utf8')) as {readonly tunnels: unknown};
  return JSON.stringify(tunnels);
}

/**
 * Works a daemon of its own at random, by nothing but the seed, with failures and a world that does not keep still.
 * Rejects where anything is not as it should be at one of the rests, or something is left in the end, with the seed and
 * the step in its message.
 */
export async function soak(options: SoakOptions): Promise<SoakSummary> {
  await using place = await SoakPlace.open(flags);
  const start = await place.daemon.measure();
  const links = await place.links();
  return await new Soak(place, options, start, links).run();
}
