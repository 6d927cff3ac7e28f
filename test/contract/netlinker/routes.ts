import {type Route, routeProtocol} from '../../../src/netlink/netlinker.js';
import {
  allocated,
  device,
  type Holds,
  ip,
  net,
  overlay,
  raise,
  refusalsText,
  route,
  routesText,
  tunnel,
} from './world.js';

const connected = '169.254.0.0/31 dev doublezero0 table 254 proto 2 src 169.254.0.1';

export function routes(holds: Holds): void {
  holds("a tunnel's subnet is routed while the tunnel is up", async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await netlinker.addressAdd(device, overlay);
    t.deepEqual(await routesText(netlinker), []);
    for (let round = 0; round < 2; round++) {
      await netlinker.tunnelUp(device);
      t.deepEqual(await routesText(netlinker), [connected]);
      await netlinker.tunnelDown(device);
      t.deepEqual(await routesText(netlinker), []);
    }
  });

  holds('routes are added with all that they say', async (t, netlinker) => {
    await raise(netlinker);
    const refusals = await netlinker.routesReplace([
      route('11.0.0.1/32', {source: allocated.address}),
      route('11.0.1.0/24', {protocol: routeProtocol.static}),
      route('0.0.0.0/0', {table: 101, protocol: routeProtocol.boot, source: allocated.address}),
      route('11.0.2.0/24', {table: 70_000}),
      route('11.0.3.0/24', {gateway: undefined}),
      route('233.84.178.1/32'),
    ]);
    t.deepEqual(refusals, []);
    t.deepEqual(await routesText(netlinker), [
      '0.0.0.0/0 via 169.254.0.0 dev doublezero0 table 101 proto 3 src 10.99.0.1',
      '11.0.0.1/32 via 169.254.0.0 dev doublezero0 table 254 proto 186 src 10.99.0.1',
      '11.0.1.0/24 via 169.254.0.0 dev doublezero0 table 254 proto 4',
      '11.0.2.0/24 via 169.254.0.0 dev doublezero0 table 70000 proto 186',
      '11.0.3.0/24 dev doublezero0 table 254 proto 186',
      connected,
      '233.84.178.1/32 via 169.254.0.0 dev doublezero0 table 254 proto 186',
    ]);
  });

  holds('a route takes the place of the one with the same destination in the same table', async (t, netlinker) => {
    await raise(netlinker);
    const other = route('11.0.0.1/32', {table: 100});
    const after = route('11.0.0.1/32', {protocol: routeProtocol.static, source: allocated.address});
    t.deepEqual(await netlinker.routesReplace([route('11.0.0.1/32'), other, after]), []);
    t.deepEqual(await routesText(netlinker), [
      '11.0.0.1/32 via 169.254.0.0 dev doublezero0 table 100 proto 186',
      '11.0.0.1/32 via 169.254.0.0 dev doublezero0 table 254 proto 4 src 10.99.0.1',
      connected,
    ]);
  });

  holds('nothing to add or delete is fine', async (t, netlinker) => {
    t.deepEqual(await netlinker.routesReplace([]), []);
    t.deepEqual(await netlinker.routesDelete([]), []);
  });

  holds('each refused route is reported by itself, and the others are there', async (t, netlinker) => {
    await raise(netlinker);
    const refusals = await netlinker.routesReplace([
      route('11.0.0.1/32'),
      route('11.0.0.2/32', {source: ip('10.99.0.2')}),
      route('11.0.0.3/32', {gateway: ip('10.1.1.1')}),
      route('11.0.0.4/24'),
      route('11.0.0.5/32', {interface: 'absent'}),
      route('11.0.0.6/32', {gateway: ip('192.0.2.254')}),
      route('11.0.0.7/32', {source: allocated.address}),
    ]);
    t.deepEqual(refusalsText(refusals), [
      '11.0.0.2/32 other EINVAL',
      '11.0.0.3/32 other ENETUNREACH',
      '11.0.0.4/24 other EINVAL',
      '11.0.0.5/32 missing ENODEV',
      '11.0.0.6/32 other ENETUNREACH',
    ]);
    t.true(refusals.every(({error}) => error.operation === 'routesReplace'));
    t.deepEqual(await routesText(netlinker, {protocol: routeProtocol.bgp}), [
      '11.0.0.1/32 via 169.254.0.0 dev doublezero0 table 254 proto 186',
      '11.0.0.7/32 via 169.254.0.0 dev doublezero0 table 254 proto 186 src 10.99.0.1',
    ]);
  });

  holds('more routes than fit into one message are all added, replaced and deleted', async (t, netlinker) => {
    await raise(netlinker);
    const many = Array.from({length: 1000}, (_, index) =>
      route(`11.0.${index >> 8}.${index & 255}/32`, index % 300 === 150 ? {source: ip('10.99.0.2')} : {}),
    );
    const refused = many.filter(({source}) => source !== undefined);
    const refusals = await netlinker.routesReplace(many);
    t.deepEqual(
      refusals.map(refusal => refusal.route),
      refused,
    );
    t.is((await netlinker.routes({protocol: routeProtocol.bgp})).length, 1000 - refused.length);
    const missing = await netlinker.routesDelete(many.map(({source: _, ...rest}) => rest));
    t.is(missing.length, refused.length);
    t.true(missing.every(({error}) => error.kind === 'missing' && error.operation === 'routesDelete'));
    t.deepEqual(await routesText(netlinker), [connected]);
  });

  holds('a lowered tunnel takes no routes', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.tunnelDown(device);
    const refusals = await netlinker.routesReplace([route('11.0.0.1/32'), route('11.0.0.2/32', {gateway: undefined})]);
    t.deepEqual(refusalsText(refusals), ['11.0.0.1/32 other ENETUNREACH', '11.0.0.2/32 other ENETDOWN']);
  });

  holds('lowering a tunnel takes its routes out of every table, for good', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.routesReplace([route('11.0.0.1/32'), route('0.0.0.0/0', {table: 101})]);
    await netlinker.tunnelDown(device);
    t.deepEqual(await routesText(netlinker), []);
    t.true((await routesText(netlinker, {})).includes('0.0.0.0/0 via 192.0.2.254 dev eth0 table 254 proto 3'));
    await netlinker.tunnelUp(device);
    t.deepEqual(await routesText(netlinker), [connected]);
  });

  holds('the address of a lowered tunnel is still good as a source', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.tunnelDown(device);
    const elsewhere = {interface: 'eth0', gateway: ip('192.0.2.254'), source: allocated.address};
    t.deepEqual(await netlinker.routesReplace([route('11.0.0.1/32', elsewhere)]), []);
  });

  holds("an address takes the main table's routes along that prefer it, and no others", async (t, netlinker) => {
    await raise(netlinker);
    const source = allocated.address;
    await netlinker.routesReplace([
      route('11.0.0.1/32', {source}),
      route('11.0.0.2/32'),
      route('11.0.0.3/32', {source, table: 101}),
    ]);
    await netlinker.addressDelete(device, allocated);
    t.deepEqual(await routesText(netlinker, {protocol: routeProtocol.bgp}), [
      '11.0.0.2/32 via 169.254.0.0 dev doublezero0 table 254 proto 186',
      '11.0.0.3/32 via 169.254.0.0 dev doublezero0 table 101 proto 186 src 10.99.0.1',
    ]);
  });

  holds('the last address of an interface takes all its routes along', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.routesReplace([route('11.0.0.2/32'), route('11.0.0.3/32', {table: 101})]);
    await netlinker.addressDelete(device, allocated);
    await netlinker.addressDelete(device, overlay);
    t.deepEqual(await routesText(netlinker), []);
  });

  holds('a route is deleted only where every field given is right', async (t, netlinker) => {
    await raise(netlinker);
    const present = route('11.0.0.1/32', {source: allocated.address});
    await netlinker.routesReplace([present]);
    const wrong: Route[] = [
      {...present, protocol: routeProtocol.static},
      {...present, gateway: ip('169.254.0.1')},
      {...present, source: ip('192.0.2.1')},
      {...present, table: 100},
      {...present, interface: 'eth0'},
      {...present, interface: 'absent'},
      {...present, destination: net('11.0.0.0/24')},
    ];
    const refusals = await netlinker.routesDelete(wrong);
    t.deepEqual(
      refusals.map(refusal => refusal.route),
      wrong,
    );
    t.true(refusals.every(({error}) => error.kind === 'missing'));
    t.is((await netlinker.routes({protocol: routeProtocol.bgp})).length, 1);

    const {source: _source, gateway: _gateway, ...bare} = present;
    t.deepEqual(await netlinker.routesDelete([bare]), []);
    t.deepEqual(refusalsText(await netlinker.routesDelete([bare])), ['11.0.0.1/32 missing ESRCH']);
  });

  holds('routes are selected by every field of the filter', async (t, netlinker) => {
    await raise(netlinker);
    const gateway = ip('192.0.2.7');
    await netlinker.routesReplace([
      route('11.0.0.1/32'),
      route('11.0.0.2/32', {table: 100}),
      route('11.0.0.3/32', {protocol: routeProtocol.static}),
      route('11.0.0.4/32', {interface: 'eth0', gateway}),
    ]);
    const selected = async (filter: Parameters<typeof routesText>[1]) =>
      (await routesText(netlinker, filter)).map(text => text.split(' ')[0]);
    t.deepEqual(await selected({protocol: routeProtocol.bgp}), ['11.0.0.1/32', '11.0.0.2/32', '11.0.0.4/32']);
    t.deepEqual(await selected({table: 100}), ['11.0.0.2/32']);
    t.deepEqual(await selected({gateway}), ['11.0.0.4/32']);
    t.deepEqual(await selected({interface: device, protocol: routeProtocol.static}), ['11.0.0.3/32']);
    t.deepEqual(await selected({interface: device, gateway}), []);
    t.deepEqual(await selected({interface: 'absent'}), []);
  });

  holds('local routes are left out', async (t, netlinker) => {
    await raise(netlinker);
    t.deepEqual(await routesText(netlinker, {table: 255}), []);
    t.deepEqual(await routesText(netlinker, {interface: 'lo'}), []);
    t.deepEqual(await routesText(netlinker, {}), [
      '0.0.0.0/0 via 192.0.2.254 dev eth0 table 254 proto 3',
      connected,
      '192.0.2.0/24 dev eth0 table 254 proto 2 src 192.0.2.1',
    ]);
  });
}
