import test from 'ava';
import type {Call} from '../../../lab/soak/actions.js';
import {
  after,
  afterAll,
  type Circumstances,
  emptyWorld,
  type FiredFault,
  type Outcome,
  type World,
} from '../../../lab/soak/model.js';
import {endpoints, hostUnderlay, type SlotName} from '../../../lab/soak/specs.js';
import {ServiceType, TunnelSpec} from '../../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';

const specAt = (index: number): TunnelSpec =>
  TunnelSpec.fromPartial({
    serviceType: ServiceType.SERVICE_TYPE_IBRL,
    tunnelSrc: hostUnderlay,
    tunnelDst: endpoints[index]?.underlay ?? '',
    tunnelNet: endpoints[index]?.net ?? '',
    doublezeroIp: hostUnderlay,
  });

const [first, second] = [specAt(0), specAt(1)];
const slot: SlotName = 'doublezero0';
const drawn = (spec: TunnelSpec) => ({spec, withoutSource: false, isInvalid: false});
const provision = (spec: TunnelSpec): Call => ({kind: 'provision', slot, drawn: drawn(spec), validateOnly: false});
const update = (spec: TunnelSpec, allowMissing = false): Call => ({
  ...{kind: 'update', slot, drawn: drawn(spec), validateOnly: false},
  ...{allowMissing, etag: 'none'},
});
const remove: Call = {kind: 'remove', slot, allowMissing: false, etag: 'none'};

const running = (spec: TunnelSpec): World => ({...emptyWorld, [slot]: {is: 'running', spec}});
const failed: World = {...emptyWorld, [slot]: {is: 'failed'}};

const ok: Outcome = {ended: 'ok'};
const refused = (code: string, reason: string, metadata = {}): Outcome => ({ended: 'refused', code, reason, metadata});
const missing = refused('NOT_FOUND', 'TUNNEL_NOT_FOUND');
const exists = refused('ALREADY_EXISTS', 'TUNNEL_EXISTS');
const eio: FiredFault = {operation: 'tunnelUp', errno: 'EIO'};
const refusedUp = refused('INTERNAL', 'NETLINK_ERROR', eio);

const quiet: Circumstances = {fired: [], disturbed: new Set()};
const fired = (...faults: FiredFault[]): Circumstances => ({...quiet, fired: faults});
const disturbed: Circumstances = {...quiet, disturbed: new Set([slot])};

test('the answers of the contract lead where it says', t => {
  t.deepEqual(after(emptyWorld, provision(first), ok, quiet), [running(first)]);
  t.deepEqual(after(running(first), provision(first), ok, quiet), [running(first)]);
  t.deepEqual(after(running(first), provision(second), exists, quiet), [running(first)]);
  t.deepEqual(after(running(first), update(second), ok, quiet), [running(second)]);
  t.deepEqual(after(emptyWorld, update(first, true), ok, quiet), [running(first)]);
  t.deepEqual(after(running(first), remove, ok, quiet), [emptyWorld]);
});

test('answers that contradict it are not explained', t => {
  t.deepEqual(after(running(first), provision(second), ok, quiet), []);
  t.deepEqual(after(emptyWorld, provision(first), exists, quiet), []);
  t.deepEqual(after(emptyWorld, update(first), ok, quiet), []);
  t.deepEqual(after(emptyWorld, remove, ok, quiet), []);
  t.deepEqual(after(running(first), remove, missing, quiet), []);
  t.deepEqual(after(emptyWorld, provision(first), refused('INTERNAL', ''), fired(eio)), []);
});

test('a refusal by the kernel is explained by just that one, or by somebody who pulled at the interface', t => {
  t.deepEqual(after(emptyWorld, provision(first), refusedUp, fired(eio)), [emptyWorld]);
  t.deepEqual(after(emptyWorld, provision(first), refusedUp, quiet), []);
  t.deepEqual(after(emptyWorld, provision(first), refusedUp, fired({...eio, errno: 'EBUSY'})), []);
  t.deepEqual(after(emptyWorld, provision(first), refusedUp, fired({...eio, operation: 'link'})), []);
  t.true(after(emptyWorld, provision(first), refusedUp, disturbed).length > 0);
});

test('a single refusal has to leave nothing behind; two may', t => {
  t.deepEqual(after(running(first), update(second), refusedUp, fired(eio)), [running(first)]);
  t.deepEqual(after(running(first), update(second), refusedUp, fired(eio, eio)), [running(first), failed]);
  t.deepEqual(after(emptyWorld, provision(first), refusedUp, fired(eio, eio)), [emptyWorld, failed]);
});

test('a call that was cancelled was served or not', t => {
  t.deepEqual(after(emptyWorld, provision(first), {ended: 'gone'}, quiet), [emptyWorld, running(first)]);
});

test('of calls at the same time each order counts, and what no order explains is not explained', t => {
  const both = (a: Outcome, b: Outcome) =>
    afterAll(
      emptyWorld,
      [
        {call: provision(first), outcome: a},
        {call: provision(second), outcome: b},
      ],
      quiet,
    );
  t.deepEqual(both(ok, exists), [running(first)]);
  t.deepEqual(both(exists, ok), [running(second)]);
  t.deepEqual(both(ok, ok), []);
  t.deepEqual(both(exists, exists), []);
});
