import {Client, credentials, type ServiceError, status} from '@grpc/grpc-js';
import test from 'ava';
import {AuditUnavailable} from '../../src/access/audit.js';
import {BoundPolicy} from '../../src/access/bound-policy.js';
import type {LocalCaller} from '../../src/access/caller.js';
import {fixed, type Policy, type PolicySource} from '../../src/access/policy.js';
import {parsePolicy} from '../../src/access/policy-parser.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import type {Netlinker} from '../../src/netlink/netlinker.js';
import {TunnelEvent} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_event.js';
import {RetryInfo} from '../../src/rpc/generated/google/rpc/error_details.js';
import type {TunnelServerOptions} from '../../src/rpc/tunnel-server.js';
import {Metrics} from '../../src/telemetry/metrics.js';
import {defaultLimits, everybody, recordingAudit} from './access.js';
import {callEmpty} from './access-world.js';
import {type Refusal, specs} from './controller.js';
import {deferred, detailsOf, endOf, serve} from './plumbing.js';
import {openService, SlowHost} from './service-world.js';

const caller: LocalCaller = {kind: 'local', uid: 1000, gids: [1000], pid: 4711, program: 'controller'};
const policyOf = (text: string): Policy => new BoundPolicy(parsePolicy(text).bindings);
const operator = policyOf('bindings: [{role: operator, identities: ["uid:1000"]}]');
const viewer = policyOf('bindings: [{role: viewer, identities: ["uid:1000"]}]');
const nobody = new BoundPolicy([]);

/** A service whose controller is uid 1000. */
async function serveFor(
  policy: PolicySource,
  options: Partial<TunnelServerOptions> = {},
  host: Netlinker = new MemoryNetlinker(),
) {
  const {records, audit} = recordingAudit();
  const service = await openService(host, {policy, audit, localCaller: () => caller, ...options});
  return {...service, records};
}

/** A policy that can be exchanged. */
function changing(first: Policy) {
  const listeners = new Set<() => void>();
  let current = first;
  return {
    get current() {
      return current;
    },
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(policy: Policy) {
      current = policy;
      for (const listener of listeners) listener();
    },
  };
}

const {ibrl, edgeFiltering, multicast} = specs;

test('an operator of some services may look at everything, and change only those', async t => {
  const policy = policyOf('bindings: [{role: operator, services: [IBRL], identities: ["uid:1000"]}]');
  const source = changing(operator);
  await using service = await serveFor(source);
  await service.provision(multicast);
  source.set(policy);
  await service.provision(ibrl);
  t.is((await service.list()).length, 2);
  await service.get('doublezero1');
  const role = 'operator';
  for (const [method, refused] of [
    ['RemoveTunnel', () => service.remove('doublezero1')],
    ['UpdateTunnel', () => service.update({...multicast, mcastSubGroups: ['233.84.178.9']})],
    ['UpdateTunnel', () => service.update(edgeFiltering)],
    ['ProvisionTunnel', () => service.provision(multicast)],
    ['ProvisionTunnel', () => service.provision(edgeFiltering, {validateOnly: true})],
  ] as const) {
    const error = await t.throwsAsync<Refusal>(refused());
    t.is(error.code, 'PERMISSION_DENIED');
    t.deepEqual(error.metadata, {identity: 'uid:1000', method, role});
  }
  t.deepEqual((await service.list()).map(({name}) => name).sort(), ['doublezero0', 'doublezero1']);
  await service.update({...ibrl, tunnelDst: '192.0.2.7'});
  await service.remove('doublezero0');
});

test('an operator of one interface does not get at the other', async t => {
  const policy = policyOf('bindings: [{role: operator, interfaces: [doublezero1], identities: ["uid:1000"]}]');
  await using service = await serveFor(fixed(policy));
  t.is((await t.throwsAsync<Refusal>(service.provision(ibrl))).code, 'PERMISSION_DENIED');
  await service.provision(multicast);
  await service.remove('doublezero1');
});

test('a change that waits for its turn is refused when the right is lost meanwhile', async t => {
  const host = new SlowHost();
  const source = changing(operator);
  await using service = await serveFor(source, {}, host);
  const first = service.provision(ibrl);
  await host.began.opened;
  const waiting = t.throwsAsync<Refusal>(service.remove('doublezero0'));
  await service.list(); // on the same connection, so the one before has arrived
  source.set(viewer);
  host.finish.open();
  await first;
  t.is((await waiting).code, 'PERMISSION_DENIED');
  t.is((await service.list()).length, 1);
});

test('watches of a caller who loses the right end with PERMISSION_DENIED; health goes on', async t => {
  const source = changing(viewer);
  await using service = await serveFor(source);
  const stream = service.client.watchTunnels({resumeToken: '', names: []});
  const ended = endOf(stream);
  const health = new Client(service.address, credentials.createInsecure());
  const check = () =>
    callEmpty(health, {path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false});
  await new Promise(resolve => stream.once('data', resolve));
  source.set(operator); // another role, with the same right
  await service.provision(ibrl);
  service.records.length = 0;
  source.set(nobody);
  const error = await ended;
  t.is(error.code, status.PERMISSION_DENIED);
  const metadata = {identity: 'uid:1000', method: 'WatchTunnels', role: 'viewer'};
  t.like(detailsOf(error.metadata).errorInfo, {reason: 'PERMISSION_DENIED', metadata});
  t.is((await t.throwsAsync<Refusal>(service.list())).code, 'PERMISSION_DENIED');
  await t.notThrowsAsync(check());
  health.close();
  t.deepEqual(
    service.records.map(({method, outcome}) => [method, outcome]),
    [
      ['WatchTunnels', 'PERMISSION_DENIED'],
      ['ListTunnels', 'PERMISSION_DENIED'],
    ],
  );
});

test('a watch that nobody reads is refused once, however often the policy changes', async t => {
  const longText = 'x'.repeat(64 * 1024);
  const {promise: isFull, resolve: full} = deferred();
  const watchTunnels = {
    async *handle() {
      for (let written = 0; ; written++) {
        if (written === 8) full();
        yield TunnelEvent.create({resumeToken: longText});
      }
    },
  };
  const {records, audit} = recordingAudit();
  const source = changing(everybody);
  await using world = await serve({watchTunnels}, {policy: source, audit});
  const stream = world.client.watchTunnels({resumeToken: '', names: []});
  const ended = endOf(stream);
  await isFull;
  for (let times = 0; times < 3; times++) source.set(nobody);
  t.deepEqual(
    records.map(({method}) => method),
    ['WatchTunnels'],
  );
  stream.resume();
  t.is((await ended).code, status.UNAUTHENTICATED);
});

test('a refusal is the same whether or not there is such a tunnel', async t => {
  const source = changing(operator);
  await using service = await serveFor(source);
  const refusals = async () => {
    const errors: unknown[] = [];
    for (const call of [
      () => service.get('doublezero0'),
      () => service.remove('doublezero0'),
      () => service.provision(ibrl),
    ]) {
      const {code, message, metadata} = await t.throwsAsync<Refusal>(call());
      errors.push({code, message, metadata});
    }
    return errors;
  };
  source.set(nobody);
  const without = await refusals();
  source.set(operator);
  await service.provision(ibrl);
  source.set(nobody);
  t.deepEqual(await refusals(), without);
});

test('more changes than allowed are refused with the time to wait, and reads are not counted', async t => {
  await using service = await serveFor(fixed(operator), {limits: {...defaultLimits(), changes: 3}});
  await service.provision(ibrl);
  await service.remove('doublezero0');
  await service.provision(ibrl);
  const error = await new Promise<ServiceError>(resolve => {
    service.client.removeTunnel({name: 'doublezero0', etag: '', allowMissing: false}, refusal => {
      if (refusal) resolve(refusal);
    });
  });
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  const {errorInfo, of} = detailsOf(error.metadata);
  t.like(errorInfo, {reason: 'RATE_LIMITED', metadata: {identity: 'uid:1000', limit: 'max-changes'}});
  const {retryDelay} = RetryInfo.decode(of('google.rpc.RetryInfo') ?? Buffer.alloc(0));
  const seconds = Number(retryDelay?.seconds) + Number(retryDelay?.nanos) / 1e9;
  t.true(seconds > 0 && seconds <= 20, String(seconds));
  t.is((await service.list()).length, 1);
});

test('who is over the limit leaves one record of that, however long it goes on; so does who is refused', async t => {
  for (const [policy, before] of [
    [operator, 'NOT_FOUND'],
    [nobody, 'PERMISSION_DENIED'],
  ] as const) {
    await using service = await serveFor(fixed(policy), {limits: {...defaultLimits(), changes: 2}});
    const codes: string[] = [];
    for (let call = 0; call < 10; call++) {
      codes.push((await t.throwsAsync<Refusal>(service.remove('doublezero0'))).code);
    }
    t.deepEqual(new Set(codes.slice(0, 2)), new Set([before]));
    t.deepEqual(new Set(codes.slice(2)), new Set(['RESOURCE_EXHAUSTED']));
    t.deepEqual(
      service.records.map(({outcome}) => outcome),
      [before, before, 'RESOURCE_EXHAUSTED'],
    );
  }
});

test('more watchers than allowed are refused, and a place that gets free is given to the next', async t => {
  const metrics = new Metrics();
  const watching = async () => (await metrics.watchers.get()).values[0]?.value;
  await using service = await serveFor(fixed(operator), {metrics, limits: {...defaultLimits(), watchers: 1}});
  const first = service.client.watchTunnels({resumeToken: '', names: []});
  first.on('error', () => {});
  await new Promise(resolve => first.once('data', resolve));
  const error = await endOf(service.client.watchTunnels({resumeToken: '', names: []}));
  t.is(error.code, status.RESOURCE_EXHAUSTED);
  t.like(detailsOf(error.metadata).errorInfo, {reason: 'RATE_LIMITED', metadata: {limit: 'max-watchers'}});
  t.is(await watching(), 1);
  first.cancel();
  const isWatching = () =>
    new Promise<boolean>(resolve => {
      const next = service.client.watchTunnels({resumeToken: '', names: []});
      next.once('data', () => {
        resolve(true);
        next.cancel();
      });
      next.on('error', () => resolve(false));
    });
  while (!(await isWatching())); // the server hears of the end a moment later
  while ((await watching()) !== 0) await service.list();
  t.pass();
});

test('a change that cannot be written down is refused, and nothing is changed', async t => {
  const audit = {
    reserve() {
      throw new AuditUnavailable('no audit record can be written: ENOSPC');
    },
    write() {},
  };
  await using service = await serveFor(fixed(operator), {audit});
  const error = await t.throwsAsync<Refusal>(service.provision(ibrl));
  t.is(error.code, 'UNAVAILABLE');
  t.is(error.reason, 'AUDIT_UNAVAILABLE');
  t.deepEqual(await service.list(), []);
});

test('what a caller sends does not make the log, or the text of an error, long', async t => {
  await using service = await serveFor(fixed(operator));
  const long = 'x'.repeat(500_000);
  await t.throwsAsync(service.remove(long, {etag: long}));
  await t.throwsAsync(service.update({...ibrl, tunnelNet: long}, {etag: long}));
  const [removal, update] = service.lines.filter(line => line.message === 'rpc.done');
  for (const line of [removal, update]) t.true(JSON.stringify(line).length < 4096);
  for (const {error = ''} of service.records) t.true(error.length > 0 && error.length <= 2048);
});

test('each change leaves a record with its request, the etags and the steps', async t => {
  await using service = await serveFor(fixed(operator));
  const {etag: first} = await service.provision(ibrl);
  const {etag: second} = await service.update({...ibrl, tunnelDst: '192.0.2.7'}, {etag: first});
  await t.throwsAsync(service.update(ibrl, {etag: first}));
  await service.provision({...ibrl, tunnelDst: '192.0.2.7'}, {validateOnly: true});
  await service.remove('doublezero0');
  await service.list();
  const [provision, update, stale, preview, removal, ...others] = service.records;
  t.deepEqual(others, []);
  t.like(provision, {caller, method: 'ProvisionTunnel', etagBefore: undefined, etagAfter: first, outcome: 'OK'});
  t.like(provision?.request, {spec: {service_type: 'SERVICE_TYPE_IBRL', tunnel_dst: '192.0.2.2'}});
  t.like(update, {method: 'UpdateTunnel', etagBefore: first, etagAfter: second, outcome: 'OK'});
  t.like(stale, {etagBefore: second, etagAfter: second, outcome: 'ABORTED', reason: 'ETAG_MISMATCH'});
  t.like(preview, {method: 'ProvisionTunnel', etagBefore: second, etagAfter: second, request: {validate_only: true}});
  t.like(removal, {method: 'RemoveTunnel', etagBefore: second, etagAfter: undefined, request: {name: 'doublezero0'}});
  const steps = (removal?.steps ?? []).map(step => (step as {step: string}).step);
  for (const step of removal?.steps ?? []) t.regex((step as {duration: string}).duration, /^\d+(\.(\d{3}){1,3})?s$/);
  t.true(steps.indexOf('tunnel_down') < steps.indexOf('tunnel_delete') && steps.includes('tunnel_down'));
  for (const {peer, duration} of service.records) {
    t.is(peer, service.address);
    t.true(duration >= 0);
  }
});
