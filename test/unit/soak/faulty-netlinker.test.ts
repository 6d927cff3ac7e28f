import test from 'ava';
import {FaultyNetlinker} from '../../../lab/soak/faulty-netlinker.js';
import {ipv4} from '../../../src/ip/ipv4.js';
import {MemoryNetlinker} from '../../../src/netlink/memory.js';
import {routeTable} from '../../../src/netlink/netlinker.js';

const rule = (priority: number) => ({priority, table: routeTable.main, protocol: 2});

test('the nth call of an operation is refused with the errno, as often as said, and those around it are not', async t => {
  const {netlinker, ...rest} = open();
  rest.faulty.arm([{operation: 'ruleAdd', nth: 2, times: 2, errno: 'ENOMEM'}]);
  await netlinker.ruleAdd(rule(1));
  for (const priority of [2, 3]) {
    await t.throwsAsync(netlinker.ruleAdd(rule(priority)), {name: 'NetlinkError', message: 'ruleAdd: ENOMEM'});
  }
  await netlinker.ruleAdd(rule(4));
  const priorities = (await netlinker.rules()).map(({priority}) => priority);
  t.true(priorities.includes(1) && priorities.includes(4));
  t.false(priorities.includes(2) || priorities.includes(3));
  const refused = {operation: 'ruleAdd', errno: 'ENOMEM'};
  t.deepEqual(rest.faulty.takeFired(), [refused, refused]);
  t.deepEqual(rest.faulty.takeFired(), []);
});

test('what is disarmed refuses nothing', async t => {
  const {netlinker, faulty} = open();
  faulty.arm([{operation: 'rules', nth: 1, times: 9, errno: 'EIO'}]);
  faulty.disarm();
  await t.notThrowsAsync(netlinker.rules());
  t.deepEqual(faulty.takeFired(), []);
});

test('routes are refused one by one', async t => {
  const {netlinker, faulty} = open();
  faulty.arm([{operation: 'routesReplace', nth: 1, times: 1, errno: 'ENOBUFS'}]);
  const routes = [1, 2].map(number => ({
    destination: {address: ipv4(number << 8), length: 24},
    table: routeTable.main,
    protocol: 186,
    interface: 'doublezero0',
  }));
  const refusals = await netlinker.routesReplace(routes);
  t.deepEqual(
    refusals.map(({route, error}) => [route, error.message]),
    [
      [routes[0], 'routesReplace: ENOBUFS'],
      [routes[1], 'routesReplace: ENOBUFS'],
    ],
  );
});

function open() {
  const faulty = new FaultyNetlinker(new MemoryNetlinker());
  return {faulty, netlinker: faulty.netlinker};
}
