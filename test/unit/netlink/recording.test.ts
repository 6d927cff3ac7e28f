import test from 'ava';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {NetlinkError} from '../../../src/netlink/netlinker.js';
import {recording} from '../../../src/netlink/recording.js';
import {address, allocated, device, net, overlay, raise, route, tunnel} from '../../contract/netlinker/world.js';

test('changes are written down in order, and questions are not', async t => {
  const {netlinker, calls} = recording(new MemoryNetlinker());
  await netlinker.capabilities();
  await raise(netlinker);
  await netlinker.link(device);
  await netlinker.ruleAdd({priority: 101, table: 101, source: net('203.0.113.0/24'), protocol: 2});
  await netlinker.ruleAdd({priority: 99, action: 'unreachable', source: net('10.99.0.1/32'), protocol: 2});
  await netlinker.addressOwners(allocated.address);
  await netlinker.socketHolders(await netlinker.sockets([allocated.address]));
  await netlinker.socketsAbort([allocated.address, overlay.address]);
  await netlinker.routesReplace([
    route('11.0.0.1/32', {source: allocated.address}),
    route('11.0.1.0/24', {gateway: undefined}),
  ]);
  await netlinker.routes();
  await netlinker.tunnelSetMtu(device, 1400);
  await netlinker.addressDelete(device, allocated);
  await netlinker.tunnelDown(device);
  await netlinker.tunnelDelete(device);
  t.deepEqual(calls, [
    'tunnelAdd doublezero0 192.0.2.1 192.0.2.2',
    'addressAdd doublezero0 169.254.0.1/31 scope link',
    'tunnelUp doublezero0',
    'addressAdd doublezero0 10.99.0.1/32 scope universe',
    'ruleAdd 101 from 203.0.113.0/24 to all lookup 101',
    'ruleAdd 99 from 10.99.0.1/32 to all unreachable',
    'socketsAbort 10.99.0.1 169.254.0.1',
    'routesReplace 11.0.0.1/32 via 169.254.0.0 dev doublezero0 table 254 proto 186 src 10.99.0.1',
    'routesReplace 11.0.1.0/24 dev doublezero0 table 254 proto 186',
    'tunnelSetMtu doublezero0 1400',
    'addressDelete doublezero0 10.99.0.1/32 scope universe',
    'tunnelDown doublezero0',
    'tunnelDelete doublezero0',
  ]);
});

test('a refused change is written down too', async t => {
  const {netlinker, calls} = recording(new MemoryNetlinker());
  await t.throwsAsync(netlinker.tunnelDown(device), {instanceOf: NetlinkError});
  t.deepEqual(calls, ['tunnelDown doublezero0']);
});

test('an operation fails once when told to, and does nothing', async t => {
  const {netlinker, fail} = recording(new MemoryNetlinker());
  fail('tunnelAdd', 1, 'EBUSY');
  const error = await t.throwsAsync(netlinker.tunnelAdd(tunnel), {instanceOf: NetlinkError});
  t.like(error, {operation: 'tunnelAdd', kind: 'other', errno: 'EBUSY'});
  t.is(await netlinker.link(device), undefined);
  await t.notThrowsAsync(netlinker.tunnelAdd(tunnel));
});

test('the nth call of an operation can be the one that fails', async t => {
  const {netlinker, fail} = recording(new MemoryNetlinker());
  await netlinker.tunnelAdd(tunnel);
  fail('addressAdd', 2);
  await netlinker.addressAdd(device, overlay);
  await t.throwsAsync(netlinker.addressAdd(device, allocated), {message: 'addressAdd: EIO'});
  await netlinker.addressAdd(device, address('10.99.0.3/32'));
  t.is((await netlinker.addresses(device)).length, 2);
});

test('questions can fail as well', async t => {
  const {netlinker, fail} = recording(new MemoryNetlinker());
  fail('link');
  await t.throwsAsync(netlinker.link(device), {message: 'link: EIO'});
});

test('a route operation fails for each of its routes', async t => {
  const {netlinker, fail} = recording(new MemoryNetlinker());
  await raise(netlinker);
  fail('routesReplace', 1, 'ENOBUFS');
  const routes = [route('11.0.0.1/32'), route('11.0.0.2/32')];
  const refusals = await netlinker.routesReplace(routes);
  t.deepEqual(
    refusals.map(refusal => [refusal.route, refusal.error.errno]),
    routes.map(refused => [refused, 'ENOBUFS']),
  );
  t.deepEqual(await netlinker.routesReplace(routes), []);
});

test('disposing of it disposes of the netlinker below', async t => {
  let disposed = false;
  class Watched extends MemoryNetlinker {
    override async [Symbol.asyncDispose]() {
      disposed = true;
    }
  }
  await recording(new Watched()).netlinker[Symbol.asyncDispose]();
  t.true(disposed);
});
