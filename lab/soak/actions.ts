import type {Operation} from '../../src/netlink/netlinker.js';
import {type Random, randomOf} from './random.js';
import {type DrawnSpec, describeSpec, drawSpec, endpoints, type SlotName, slotNames} from './specs.js';

/** The calls from the `nth` of the operation on, so many `times`, are refused with `errno`. */
export interface Fault {
  readonly operation: Operation;
  readonly nth: number;
  readonly times: number;
  readonly errno: string;
}

/** `current`: the one that the tunnel has; `wrong`: none that any tunnel has. */
type Etag = 'none' | 'current' | 'wrong';

export type Call =
  | {readonly kind: 'provision'; readonly slot: SlotName; readonly drawn: DrawnSpec; readonly validateOnly: boolean}
  | {
      readonly kind: 'update';
      readonly slot: SlotName;
      readonly drawn: DrawnSpec;
      readonly validateOnly: boolean;
      readonly allowMissing: boolean;
      readonly etag: Etag;
    }
  | {readonly kind: 'remove'; readonly slot: SlotName; readonly allowMissing: boolean; readonly etag: Etag};

export const damages = [
  'delete the interface',
  'lower the interface',
  'flush the addresses',
  'delete the service address',
  'delete a rule',
  'delete the default route',
  'flush the learned routes',
  'flush the main table',
  'change the MTU',
] as const;
export type Damage = (typeof damages)[number];

export type Action =
  /** `cancelAfter`: milliseconds after which the caller gives up. */
  | {readonly kind: 'call'; readonly call: Call; readonly faults: readonly Fault[]; readonly cancelAfter?: number}
  /** Calls at the same time. */
  | {readonly kind: 'burst'; readonly calls: readonly Call[]}
  /** What somebody else does to the slot's interface; the faults stay until the next rest. */
  | {readonly kind: 'damage'; readonly slot: SlotName; readonly damage: Damage; readonly faults: readonly Fault[]}
  | {readonly kind: 'restart session'; readonly endpoint: number; readonly faults: readonly Fault[]}
  | {readonly kind: 'kill the device'}
  /** Stops the device's BGP without a word until the next rest. */
  | {readonly kind: 'freeze the device'}
  | {readonly kind: 'announce'; readonly prefixes: readonly string[]; readonly faults: readonly Fault[]}
  | {readonly kind: 'watch'; readonly names: readonly SlotName[]}
  /** `which`: the one of that number among the watchers there are, counted round and round. */
  | {
      readonly kind: 'watcher';
      readonly does: 'leaves' | 'vanishes' | 'stalls' | 'goes on' | 'reconnects';
      readonly which: number;
    };

const errnos = ['EIO', 'ENOMEM', 'ENOBUFS', 'EBUSY', 'EINVAL', 'EPERM'] as const;

/** How often each is made to fail: those that a set-up or a teardown goes through more often, and reads as well. */
const operations: Readonly<Partial<Record<Operation, number>>> = {
  ...{tunnelAdd: 4, tunnelUp: 4, addressAdd: 6, ruleAdd: 3, routesReplace: 4},
  ...{
    tunnelDown: 2,
    tunnelDelete: 3,
    addressDelete: 2,
    ruleDelete: 3,
    routesDelete: 2,
    socketsAbort: 1,
    tunnelSetMtu: 1,
  },
  ...{link: 2, addresses: 1, addressOwners: 1, rules: 1, routes: 1, routeGet: 1},
};

const pool = Array.from({length: 40}, (_, index) => `11.0.${index}.${index % 3 === 0 ? '0/24' : '1/32'}`);
const crowd = Array.from({length: 400}, (_, index) => `12.${index >> 8}.${index & 255}.0/24`);

function drawFault(random: Random): Fault {
  const operation = random.weighted(operations as Record<Operation, number>);
  const times = random.weighted({one: 8, two: 1, six: 1});
  return {
    operation,
    nth: {first: 1, second: 2, third: 3}[random.weighted({first: 6, second: 2, third: 1})],
    times: {one: 1, two: 2, six: 6}[times],
    errno: random.pick(errnos),
  };
}

const drawFaults = (random: Random, probability: number): Fault[] =>
  random.chance(probability) ? Array.from({length: random.chance(0.25) ? 2 : 1}, () => drawFault(random)) : [];

/** `plain`: without what has to be asked for first. */
function drawCall(random: Random, plain = false): Call {
  const slot = random.pick(slotNames);
  const drawEtag = (): Etag => (plain ? 'none' : random.weighted({none: 8, current: 1, wrong: 1}));
  const kind = random.weighted({provision: 4, update: 7, remove: 3});
  if (kind === 'remove') return {kind, slot, allowMissing: random.chance(0.3), etag: drawEtag()};
  const drawn = drawSpec(random, slot);
  const validateOnly = random.chance(0.05);
  if (kind === 'provision') return {kind, slot, drawn, validateOnly};
  return {kind, slot, drawn, validateOnly, allowMissing: random.chance(0.7), etag: drawEtag()};
}

const draws: Readonly<Record<string, readonly [weight: number, draw: (random: Random) => Action]>> = {
  call: [50, random => ({kind: 'call', call: drawCall(random), faults: drawFaults(random, 0.65)})],
  cancelled: [
    5,
    random => ({
      kind: 'call',
      call: drawCall(random, true),
      faults: drawFaults(random, 0.2),
      cancelAfter: random.integer(0, 40),
    }),
  ],
  burst: [
    6,
    random => ({kind: 'burst', calls: Array.from({length: random.integer(2, 4)}, () => drawCall(random, true))}),
  ],
  damage: [
    9,
    random => ({
      kind: 'damage',
      slot: random.pick(slotNames),
      damage: random.pick(damages),
      faults: drawFaults(random, 0.15),
    }),
  ],
  'restart session': [
    5,
    random => ({
      kind: 'restart session',
      endpoint: random.integer(0, endpoints.length - 1),
      faults: drawFaults(random, 0.2),
    }),
  ],
  'kill the device': [1, () => ({kind: 'kill the device'})],
  'freeze the device': [1, () => ({kind: 'freeze the device'})],
  announce: [
    8,
    random => ({
      kind: 'announce',
      prefixes: random.chance(0.1) ? random.some(crowd, 100) : random.some(pool, 0, 12),
      faults: drawFaults(random, 0.25),
    }),
  ],
  watch: [16, random => ({kind: 'watch', names: random.chance(0.3) ? [random.pick(slotNames)] : []})],
  watcher: [
    12,
    random => ({
      kind: 'watcher',
      does: random.weighted({leaves: 1, vanishes: 1, stalls: 3, 'goes on': 3, reconnects: 3}),
      which: random.integer(0, 999),
    }),
  ],
};

const weights = Object.fromEntries(Object.entries(draws).map(([name, [weight]]) => [name, weight]));

/** What is done in a round, by nothing but the seed and the round's number. */
export function drawRound(seed: number, round: number): Action[] {
  const random = randomOf(seed, round);
  return Array.from({length: random.integer(4, 10)}, () => draws[random.weighted(weights)]?.[1](random) as Action);
}

const describeFaults = (faults: readonly Fault[] = []): string =>
  faults
    .map(({operation, nth, times, errno}) => ` [${operation} #${nth}${times > 1 ? `×${times}` : ''} ${errno}]`)
    .join('');

export function describeCall(call: Call): string {
  const etag = 'etag' in call && call.etag !== 'none' ? ` etag ${call.etag}` : '';
  const flags = `${etag}${'allowMissing' in call && call.allowMissing ? ' allow_missing' : ''}`;
  if (call.kind === 'remove') return `remove ${call.slot}${flags}`;
  const source = call.drawn.withoutSource ? ' without source' : '';
  const only = call.validateOnly ? ' validate_only' : '';
  return `${call.kind} ${call.slot} ${describeSpec(call.drawn.spec)}${source}${flags}${only}`;
}

/** One line, the same for the same action. */
export function describe(action: Action): string {
  switch (action.kind) {
    case 'call': {
      const cancel = action.cancelAfter === undefined ? '' : `, cancelled after ${action.cancelAfter} ms`;
      return `${describeCall(action.call)}${cancel}${describeFaults(action.faults)}`;
    }
    case 'burst':
      return `at once: ${action.calls.map(describeCall).join(' | ')}`;
    case 'damage':
      return `${action.slot}: somebody else: ${action.damage}${describeFaults(action.faults)}`;
    case 'restart session':
      return `device: restart the session of endpoint ${action.endpoint}${describeFaults(action.faults)}`;
    case 'announce':
      return `device: announce ${action.prefixes.length > 12 ? `${action.prefixes.length} prefixes` : action.prefixes.join() || 'nothing'}${describeFaults(action.faults)}`;
    case 'watch':
      return `a watcher comes${action.names.length > 0 ? ` for ${action.names.join()}` : ''}`;
    case 'watcher':
      return `watcher ${action.which} ${action.does}`;
    default:
      return action.kind;
  }
}
