import {NetlinkError, routeProtocol} from '../../../src/netlink/netlinker.js';
import {allocated, device, type Holds, ip, net, overlay, raise, route, tunnel} from './world.js';

export function resolution(holds: Holds): void {
  const rest = route('0.0.0.0/0', {interface: 'eth0', gateway: ip('192.0.2.254'), protocol: routeProtocol.boot});

  holds('the longest prefix decides, and its preferred source', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.routesReplace([route('11.0.0.0/24', {source: allocated.address})]);
    t.like(await netlinker.routeGet(ip('11.0.0.9')), {
      source: allocated.address,
      gateway: ip('169.254.0.0'),
      interface: device,
    });
    t.like(await netlinker.routeGet(ip('11.0.1.9')), {
      source: ip('192.0.2.1'),
      gateway: ip('192.0.2.254'),
      interface: 'eth0',
    });
  });

  holds('a neighbour is reached without a gateway', async (t, netlinker) => {
    await raise(netlinker);
    const resolved = await netlinker.routeGet(ip('169.254.0.0'));
    t.like(resolved, {source: overlay.address, gateway: undefined, interface: device});
  });

  holds('an own address is reached through the loopback', async (t, netlinker) => {
    t.like(await netlinker.routeGet(ip('192.0.2.1')), {source: ip('192.0.2.1'), interface: 'lo'});
  });

  holds('the source is never an address of narrower scope than the route', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await netlinker.addressAdd(device, overlay);
    await netlinker.tunnelUp(device);
    await netlinker.routesReplace([route('11.0.0.1/32')]);
    t.like(await netlinker.routeGet(ip('11.0.0.1')), {source: ip('192.0.2.1'), interface: device});
  });

  holds('rules say which table is asked', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.routesReplace([route('0.0.0.0/0', {table: 100})]);
    await netlinker.ruleAdd({priority: 100, table: 100, destination: net('203.0.113.0/24'), protocol: 2});
    t.like(await netlinker.routeGet(ip('203.0.113.9')), {interface: device});
    t.like(await netlinker.routeGet(ip('203.0.112.9')), {interface: 'eth0'});
  });

  holds('a destination that no route leads to fails with missing', async (t, netlinker) => {
    t.deepEqual(await netlinker.routesDelete([rest]), []);
    const error = await t.throwsAsync(netlinker.routeGet(ip('11.0.0.1')));
    t.like(error, {operation: 'routeGet', kind: 'missing', errno: 'ENETUNREACH'});
  });

  holds('a source that is asked for is kept, and has to be local', async (t, netlinker) => {
    await raise(netlinker);
    const resolved = await netlinker.routeGet(ip('198.51.100.9'), overlay.address);
    t.deepEqual(resolved, {source: overlay.address, gateway: ip('192.0.2.254'), interface: 'eth0'});
    // Linux 6.1 says EINVAL, 6.18 ENETUNREACH.
    await t.throwsAsync(netlinker.routeGet(ip('198.51.100.9'), ip('10.99.0.2')), {instanceOf: NetlinkError});
  });
}
