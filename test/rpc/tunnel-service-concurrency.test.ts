import {status} from '@grpc/grpc-js';
import test from 'ava';
import {TunnelState} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {type Controller, Refusal, specs} from './controller.js';
import {openService, SlowHost} from './service-world.js';

const {ibrl, multicast} = specs;

/** A service whose first provision of IBRL is under way, and how to let it go on. */
async function openBusyService(ask: (service: Controller) => Promise<unknown> = ({provision}) => provision(ibrl)) {
  const host = new SlowHost();
  const service = await openService(host);
  const running = ask(service);
  running.catch(() => {}); // whoever cares awaits it
  await host.began.opened;
  return {service, running, finish: host.finish.open};
}

/** The client gives up by itself at once, and tells the server on the connection that the next calls come by too. */
const cancelHasArrived = async ({list}: Controller) => void (await list());

test('reads are answered while an operation runs, many at once', async t => {
  const {service, running, finish} = await openBusyService();
  await using _service = service;
  const reads = await Promise.all(Array.from({length: 64}, () => service.get('doublezero0')));
  t.deepEqual([...new Set(reads.map(({state}) => state))], [TunnelState.TUNNEL_STATE_PROVISIONING]);
  t.is((await service.list()).length, 1);
  t.is((await service.resolve('198.18.0.1')).interface, 'eth0');
  finish();
  await running;
  t.is((await service.get('doublezero0')).state, TunnelState.TUNNEL_STATE_UP);
});

test('changes of one slot wait for each other, in order, and those of the other slot do not wait', async t => {
  const {service, running, finish} = await openBusyService();
  await using _service = service;
  const removal = service.remove('doublezero0');
  const again = service.provision({...ibrl, bgpLocalAsn: 65010});
  // Would fail with "no such tunnel" if it did not wait for the two before it.
  const update = service.update({...ibrl, bgpLocalAsn: 65011});
  await service.remove('doublezero1', {allowMissing: true}); // the other slot's queue is free
  t.is((await service.get('doublezero0')).state, TunnelState.TUNNEL_STATE_PROVISIONING);
  finish();
  await running;
  t.true((await removal).steps.every(({ok}) => ok));
  t.is((await again).spec?.bgpLocalAsn, 65010);
  t.is((await update).spec?.bgpLocalAsn, 65011);
  t.is((await service.get('doublezero0')).spec?.bgpLocalAsn, 65011);
});

test('both slots are set up side by side', async t => {
  const {service, running, finish} = await openBusyService(({provision}) =>
    Promise.all([provision(ibrl), provision(multicast)]),
  );
  await using _service = service;
  finish();
  await running;
  t.deepEqual(
    (await service.list()).map(({name}) => name),
    ['doublezero0', 'doublezero1'],
  );
});

test('a call whose deadline passes in the queue does nothing', async t => {
  const {service, running, finish} = await openBusyService();
  await using _service = service;
  const late = service.remove('doublezero0', {}, {deadline: Date.now() + 100});
  t.is((await t.throwsAsync(late, {instanceOf: Refusal})).code, 'DEADLINE_EXCEEDED');
  await cancelHasArrived(service);
  finish();
  await running;
  // Queued after the one that was given up: when it answers, that one has had its turn.
  await service.provision(ibrl);
  t.is((await service.get('doublezero0')).state, TunnelState.TUNNEL_STATE_UP);
  t.false(service.kernel.calls.some(call => call.startsWith('tunnelDelete')));
  const line = service.lines.find(({method}) => method === 'RemoveTunnel');
  t.like(line, {outcome: status[status.DEADLINE_EXCEEDED], cancelled: true});
});

test('a call that is cancelled in the middle is finished all the same, and the next read tells', async t => {
  const caller = new AbortController();
  const {service, running, finish} = await openBusyService(({provision}) =>
    provision(ibrl, {}, {signal: caller.signal}),
  );
  await using _service = service;
  caller.abort();
  t.is((await t.throwsAsync(running as Promise<never>, {instanceOf: Refusal})).code, 'CANCELLED');
  t.is((await service.get('doublezero0')).state, TunnelState.TUNNEL_STATE_PROVISIONING);
  finish();
  // Waits its turn behind the one that goes on without its caller.
  const tunnel = await service.provision(ibrl);
  t.is(tunnel.state, TunnelState.TUNNEL_STATE_UP);
  t.is(service.kernel.calls.filter(call => call.startsWith('tunnelAdd')).length, 1);
});

test('a call that is cancelled in the middle and then fails is rolled back', async t => {
  const caller = new AbortController();
  const {service, running, finish} = await openBusyService(({provision}) =>
    provision(specs.edgeFiltering, {}, {signal: caller.signal}),
  );
  await using _service = service;
  service.kernel.fail('ruleAdd', 3, 'ENOMEM');
  caller.abort();
  await t.throwsAsync(running as Promise<never>, {instanceOf: Refusal});
  await cancelHasArrived(service);
  finish();
  await service.remove('doublezero0', {allowMissing: true});
  t.deepEqual(await service.list(), []);
  t.is(await service.kernel.netlinker.link('doublezero0'), undefined);
  t.like(
    service.lines.find(({method}) => method === 'ProvisionTunnel'),
    {outcome: 'INTERNAL', cancelled: true},
  );
});

test('draining waits for the operation under way and refuses the one behind it', async t => {
  const {service, running, finish} = await openBusyService();
  await using _service = service;
  const queued = service.provision(ibrl);
  queued.catch(() => {});
  await service.get('doublezero0'); // answered after `queued` has arrived: one connection keeps the order
  const drained = service.manager.drain({teardown: true});
  finish();
  t.is(((await running) as {name: string}).name, 'doublezero0');
  t.is((await t.throwsAsync(queued, {instanceOf: Refusal})).reason, 'DRAINING');
  await drained;
  t.deepEqual(await service.list(), []);
  t.is(await service.kernel.netlinker.link('doublezero0'), undefined);
});
