import {addressesText, allocated, device, type Holds, ip, overlay, raise, refuses, tunnel} from './world.js';

/** What only real GRE devices, and the model of them, can show. */
export function greDevices(holds: Holds): void {
  holds('a new tunnel is down and is what was asked for', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    const link = await netlinker.link(device);
    t.like(link, {name: device, kind: 'gre', mtu: 1476, adminUp: false, operState: 'down'});
    t.deepEqual(link?.tunnel, tunnel);
  });

  holds('a raised tunnel has no carrier to report', async (t, netlinker) => {
    await raise(netlinker);
    t.like(await netlinker.link(device), {adminUp: true, operState: 'unknown'});
  });

  holds("a tunnel's TTL and MTU are the caller's choice", async (t, netlinker) => {
    await netlinker.tunnelAdd({...tunnel, ttl: 32, mtu: 1400});
    t.like((await netlinker.link(device))?.tunnel, {ttl: 32, mtu: 1400});
  });

  holds('a changed MTU shows in the tunnel too', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await netlinker.tunnelSetMtu(device, 1400);
    t.is((await netlinker.link(device))?.tunnel?.mtu, 1400);
  });

  holds('a name can be taken only once', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await refuses(t, netlinker.tunnelAdd({...tunnel, remote: ip('192.0.2.3')}), 'tunnelAdd', 'exists');
    await refuses(t, netlinker.tunnelAdd({...tunnel, name: 'eth0'}), 'tunnelAdd', 'exists');
  });

  holds('a pair of endpoints can be taken only once, whatever the name', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await refuses(t, netlinker.tunnelAdd({...tunnel, name: 'doublezero1'}), 'tunnelAdd', 'exists');
    t.is(await netlinker.link('doublezero1'), undefined);
    await t.notThrowsAsync(netlinker.tunnelAdd({...tunnel, name: 'doublezero1', remote: ip('192.0.2.3')}));
  });

  holds('asking what the kernel can do leaves no device behind', async (t, netlinker) => {
    t.like(await netlinker.capabilities(), {netAdmin: true, gre: true});
    t.is(await netlinker.link(device), undefined);
    await t.notThrowsAsync(netlinker.tunnelAdd(tunnel));
  });
}

export function tunnels(holds: Holds): void {
  holds('an interface that is not there is undefined', async (t, netlinker) => {
    t.is(await netlinker.link(device), undefined);
    t.is(await netlinker.link('longer-than-any-name'), undefined);
  });

  holds('an interface of another kind is no tunnel', async (t, netlinker) => {
    t.like(await netlinker.link('eth0'), {name: 'eth0', tunnel: undefined, adminUp: true, operState: 'up', mtu: 1500});
    t.like(await netlinker.link('lo'), {name: 'lo', kind: undefined, tunnel: undefined, adminUp: true});
  });

  holds('interfaces have different indices, and count their traffic', async (t, netlinker) => {
    const [lo, eth0] = [await netlinker.link('lo'), await netlinker.link('eth0')];
    t.not(lo?.index, eth0?.index);
    t.true(Object.values(eth0?.statistics ?? {}).every(count => typeof count === 'bigint' && count >= 0n));
  });

  holds('a deleted name can be added again', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await netlinker.tunnelDelete(device);
    t.is(await netlinker.link(device), undefined);
    await t.notThrowsAsync(netlinker.tunnelAdd(tunnel));
  });

  holds('a raised tunnel can be deleted', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.tunnelDelete(device);
    t.is(await netlinker.link(device), undefined);
  });

  holds('raising and lowering are idempotent', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    for (const up of [true, true, false, false]) {
      await (up ? netlinker.tunnelUp(device) : netlinker.tunnelDown(device));
      t.is((await netlinker.link(device))?.adminUp, up);
    }
  });

  holds('the MTU can be changed, but not to less than IPv4 needs', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    await netlinker.tunnelSetMtu(device, 1400);
    await refuses(t, netlinker.tunnelSetMtu(device, 67), 'tunnelSetMtu', 'other');
    t.is((await netlinker.link(device))?.mtu, 1400);
  });

  holds('what is done to an interface that is not there fails with missing', async (t, netlinker) => {
    await refuses(t, netlinker.tunnelSetMtu(device, 1400), 'tunnelSetMtu', 'missing');
    await refuses(t, netlinker.tunnelUp(device), 'tunnelUp', 'missing');
    await refuses(t, netlinker.tunnelDown(device), 'tunnelDown', 'missing');
    await refuses(t, netlinker.tunnelDelete(device), 'tunnelDelete', 'missing');
    await refuses(t, netlinker.addresses(device), 'addresses', 'missing');
    await refuses(t, netlinker.addressAdd(device, overlay), 'addressAdd', 'missing');
    await refuses(t, netlinker.addressDelete(device, overlay), 'addressDelete', 'missing');
  });

  holds('the loopback cannot be deleted', async (t, netlinker) => {
    await refuses(t, netlinker.tunnelDelete('lo'), 'tunnelDelete', 'unsupported');
  });
}

export function addresses(holds: Holds): void {
  holds('a new tunnel has no address', async (t, netlinker) => {
    await netlinker.tunnelAdd(tunnel);
    t.deepEqual(await netlinker.addresses(device), []);
  });

  holds('addresses keep their length and scope', async (t, netlinker) => {
    await raise(netlinker);
    t.deepEqual(await addressesText(netlinker), ['10.99.0.1/32 universe', '169.254.0.1/31 link']);
    t.deepEqual(await addressesText(netlinker, 'eth0'), ['192.0.2.1/24 universe']);
  });

  holds('an address can be added only once, whatever its scope', async (t, netlinker) => {
    await raise(netlinker);
    await refuses(t, netlinker.addressAdd(device, overlay), 'addressAdd', 'exists');
    await refuses(t, netlinker.addressAdd(device, {...overlay, scope: 'universe'}), 'addressAdd', 'exists');
  });

  holds('an address can be on two interfaces', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.addressAdd('lo', allocated);
    await netlinker.addressDelete('lo', allocated);
    t.deepEqual(await addressesText(netlinker), ['10.99.0.1/32 universe', '169.254.0.1/31 link']);
  });

  holds("an address's owners are all the interfaces that have it", async (t, netlinker) => {
    await raise(netlinker);
    t.deepEqual(await netlinker.addressOwners(allocated.address), [device]);
    t.deepEqual(await netlinker.addressOwners(ip('192.0.2.1')), ['eth0']);
    t.deepEqual(await netlinker.addressOwners(ip('169.254.0.0')), []);
    await netlinker.addressAdd('lo', allocated);
    await netlinker.tunnelDown(device);
    t.deepEqual((await netlinker.addressOwners(allocated.address)).sort(), [device, 'lo']);
    await netlinker.addressDelete('lo', allocated);
    await netlinker.tunnelDelete(device);
    t.deepEqual(await netlinker.addressOwners(allocated.address), []);
  });

  holds('an address can be deleted only once', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.addressDelete(device, allocated);
    t.deepEqual(await addressesText(netlinker), ['169.254.0.1/31 link']);
    await refuses(t, netlinker.addressDelete(device, allocated), 'addressDelete', 'missing');
  });

  holds('addresses stay when the tunnel is lowered and go when it is deleted', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.tunnelDown(device);
    t.deepEqual(await addressesText(netlinker), ['10.99.0.1/32 universe', '169.254.0.1/31 link']);
    await netlinker.tunnelDelete(device);
    await netlinker.tunnelAdd(tunnel);
    t.deepEqual(await netlinker.addresses(device), []);
  });
}
