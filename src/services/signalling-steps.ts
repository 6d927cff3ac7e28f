import type {Sender, SenderConfigs, Senders} from '../multicast/multicast-speaker.js';
import {asSocketError} from '../multicast/sockets.js';
import type {Step} from './step.js';

/** What a spec wants sent on its tunnel, sender by sender; absent is what it has no use for. */
export type Signalling = Partial<SenderConfigs>;

/**
 * In the order of a setup and of a teardown. What a publisher sends does not need the device's attention, and ends at
 * once; what a subscriber says does, and leaving the groups takes a moment, in which nothing else should be sent any more.
 */
const senders = ['heartbeat', 'register', 'pim'] as const satisfies readonly (keyof SenderConfigs)[];

const stopSteps = {heartbeat: 'heartbeat_stop', register: 'register_stop', pim: 'pim_prune'} as const;

/** What could not be said on the way out is the status's to tell; the sender has ended all the same. */
const stopQuietly = async <Config>(sender: Sender<Config>, tunnel: string): Promise<void> => {
  await sender.stop(tunnel).catch(error => void asSocketError(error));
};

function start<Name extends keyof SenderConfigs>(
  speaker: Senders,
  name: Name,
  tunnel: string,
  config: SenderConfigs[Name],
): Step {
  const sender: Sender<SenderConfigs[Name]> = speaker[name];
  return {
    step: `${name}_start`,
    async run() {
      await sender.apply(tunnel, config);
      return () => stopQuietly(sender, tunnel);
    },
  };
}

function change<Name extends keyof SenderConfigs>(
  speaker: Senders,
  name: Name,
  tunnel: string,
  from: SenderConfigs[Name],
  to: SenderConfigs[Name] | undefined,
): Step {
  const sender: Sender<SenderConfigs[Name]> = speaker[name];
  return {
    step: to ? `${name}_update` : stopSteps[name],
    async run() {
      await (to ? sender.apply(tunnel, to) : stopQuietly(sender, tunnel));
      return () => sender.apply(tunnel, from);
    },
  };
}

const stop = (speaker: Senders, name: keyof SenderConfigs, tunnel: string): Step => ({
  step: stopSteps[name],
  advisory: true,
  async run() {
    await speaker[name].stop(tunnel);
    return undefined;
  },
});

export const signallingStart = (speaker: Senders, tunnel: string, wanted: Signalling): Step[] =>
  senders.flatMap(name => {
    const config = wanted[name];
    return config ? [start(speaker, name, tunnel, config)] : [];
  });

/** Goes over from one spec's to the other's; what is the same in both is left alone. */
export const signallingChange = (speaker: Senders, tunnel: string, from: Signalling, to: Signalling): Step[] =>
  senders.flatMap(name => {
    const [before, after] = [from[name], to[name]];
    if (!before) return after ? [start(speaker, name, tunnel, after)] : [];
    const isSame = after !== undefined && sameGroups(before.groups, after.groups);
    return isSame ? [] : [change(speaker, name, tunnel, before, after)];
  });

function sameGroups(a: readonly number[], b: readonly number[]): boolean {
  const groups = new Set(a);
  return groups.size === b.length && b.every(group => groups.has(group));
}

export const signallingStop = (speaker: Senders, tunnel: string, running: Signalling): Step[] =>
  senders.filter(name => running[name]).map(name => stop(speaker, name, tunnel));
