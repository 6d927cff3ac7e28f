import type {TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Call} from './actions.js';
import {type SlotName, sameSpec} from './specs.js';

/** `failed`: something was left behind that the next call on it clears away. */
export type Slot =
  | {readonly is: 'empty'}
  | {readonly is: 'running'; readonly spec: TunnelSpec}
  | {readonly is: 'failed'};

/** How the daemon's tunnels may stand. */
export type World = Readonly<Record<SlotName, Slot>>;

/** How a call ended. `gone`: the caller did not wait for it. */
export type Outcome =
  | {readonly ended: 'ok'}
  | {
      readonly ended: 'refused';
      readonly code: string;
      readonly reason: string;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | {readonly ended: 'gone'};

export interface FiredFault {
  readonly operation: string;
  readonly errno: string;
}

/** The reasons of errors that say what the kernel refused. EPERM is told of as what the daemon lacks. */
export const kernelRefusals: ReadonlySet<string> = new Set(['NETLINK_ERROR', 'MISSING_CAPABILITY']);

/** What went on beside the call. */
export interface Circumstances {
  /** What the kernel was made to refuse meanwhile. */
  readonly fired: readonly FiredFault[];
  /** The slots whose interfaces somebody else has pulled at, and nobody has seen whole since. */
  readonly disturbed: ReadonlySet<SlotName>;
}

export const emptyWorld: World = {doublezero0: {is: 'empty'}, doublezero1: {is: 'empty'}};

const empty: Slot = {is: 'empty'};
const failed: Slot = {is: 'failed'};

/** An answer that the contract allows, and the slot after it. */
interface Allowed {
  readonly answer: string;
  readonly next: Slot;
}

/**
 * The worlds that an outcome may lead to; none where the contract does not allow it. Where a single refusal by the kernel
 * made a provision or an update fail, nothing may be left of it; only a second one excuses remains.
 */
export function after(world: World, call: Call, outcome: Outcome, circumstances: Circumstances): World[] {
  const slot = world[call.slot];
  const withSlot = (next: Slot): World => ({...world, [call.slot]: next});
  const allowed = allowedAnswers(world, call);
  if (outcome.ended === 'ok') return allowed.filter(({answer}) => answer === 'OK').map(({next}) => withSlot(next));
  const afterRefusal = slotsAfterRefusal(slot, call, circumstances);
  if (outcome.ended === 'gone') {
    const done = allowed.filter(({answer}) => answer === 'OK').map(({next}) => next);
    return [slot, ...done, ...(mayRefuse(call, circumstances) ? afterRefusal : [])].map(withSlot);
  }
  const {code, reason} = outcome;
  const answer = [code, reason].filter(Boolean).join(' ');
  const byContract = allowed.filter(other => other.answer === answer).map(({next}) => withSlot(next));
  return isExplained(call, outcome, circumstances) ? [...byContract, ...afterRefusal.map(withSlot)] : byContract;
}

/** The worlds after calls that were made at the same time: those of all orders in which they may have been served. */
export function afterAll(
  world: World,
  calls: readonly {readonly call: Call; readonly outcome: Outcome}[],
  circumstances: Circumstances,
): World[] {
  if (calls.length === 0) return [world];
  return calls.flatMap(({call, outcome}, index) => {
    const others = calls.toSpliced(index, 1);
    return distinct(after(world, call, outcome, circumstances)).flatMap(next => afterAll(next, others, circumstances));
  });
}

export function distinct(worlds: readonly World[]): World[] {
  return [...new Map(worlds.map(world => [JSON.stringify(world), world])).values()];
}

function allowedAnswers(world: World, call: Call): Allowed[] {
  const slot = world[call.slot];
  const stays = (answer: string): Allowed => ({answer, next: slot});
  if (call.kind === 'remove') return [removal(slot, call)];
  const {spec, isInvalid} = call.drawn;
  if (isInvalid) return [stays('INVALID_ARGUMENT')];
  const other = world[call.slot === 'doublezero0' ? 'doublezero1' : 'doublezero0'];
  if (other.is === 'running' && conflicts(other.spec, spec)) return [stays('INVALID_ARGUMENT')];
  const done = {answer: 'OK', next: call.validateOnly ? slot : ({is: 'running', spec} as const)};
  const answer = call.kind === 'provision' ? provision(slot, spec) : update(slot, call);
  const decided = answer === 'OK' ? done : stays(answer);
  // Which spec it was that has failed is not kept here, and it counts as much as one that runs.
  return other.is === 'failed' ? [decided, stays('INVALID_ARGUMENT')] : [decided];
}

function removal(slot: Slot, {allowMissing, etag}: Extract<Call, {kind: 'remove'}>): Allowed {
  if (slot.is === 'empty') return {answer: allowMissing ? 'OK' : 'NOT_FOUND TUNNEL_NOT_FOUND', next: slot};
  return etag === 'wrong' ? {answer: 'ABORTED ETAG_MISMATCH', next: slot} : {answer: 'OK', next: empty};
}

const provision = (slot: Slot, spec: TunnelSpec): string =>
  slot.is === 'running' && !sameSpec(slot.spec, spec) ? 'ALREADY_EXISTS TUNNEL_EXISTS' : 'OK';

function update(slot: Slot, {allowMissing, etag}: Extract<Call, {kind: 'update'}>): string {
  if (slot.is === 'empty' && !allowMissing) return 'NOT_FOUND TUNNEL_NOT_FOUND';
  return etag === 'wrong' ? 'ABORTED ETAG_MISMATCH' : 'OK';
}

const conflicts = (a: TunnelSpec, b: TunnelSpec): boolean => a.tunnelDst === b.tunnelDst || a.tunnelNet === b.tunnelNet;

const mayRefuse = ({slot}: Call, {fired, disturbed}: Circumstances): boolean => fired.length > 0 || disturbed.has(slot);

/** Whether the kernel was made to refuse just that, or somebody else has pulled at the interface. */
function isExplained(call: Call, outcome: Extract<Outcome, {ended: 'refused'}>, circumstances: Circumstances): boolean {
  const {reason, metadata} = outcome;
  if (!kernelRefusals.has(reason)) return false;
  const isInjected = circumstances.fired.some(
    ({operation, errno}) => operation === metadata.operation && errno === metadata.errno,
  );
  return isInjected || (reason === 'NETLINK_ERROR' && circumstances.disturbed.has(call.slot));
}

function slotsAfterRefusal(slot: Slot, call: Call, {fired, disturbed}: Circumstances): Slot[] {
  if (call.kind === 'remove') return slot.is === 'empty' ? [slot] : [slot, failed];
  if (call.validateOnly) return [slot];
  // It had remains to clear away first, and then nothing or more remains.
  if (slot.is === 'failed') return [failed, empty];
  return fired.length > 1 || disturbed.has(call.slot) ? [slot, failed] : [slot];
}
