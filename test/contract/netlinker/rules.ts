import type {LookupRule, Netlinker, Rule, UnreachableRule} from '../../../src/netlink/netlinker.js';
import {allocated, device, type Holds, ip, net, overlay, raise, refuses, route} from './world.js';

const inbound: LookupRule = {priority: 100, table: 100, destination: net('203.0.113.0/24'), protocol: 2};
const outbound: LookupRule = {priority: 101, table: 101, source: net('203.0.113.0/24'), protocol: 2};

/** Keeps packets of an address from leaving, by whatever way. */
const guard: UnreachableRule = {priority: 50, action: 'unreachable', source: net('10.99.0.1/32'), protocol: 2};

const complete = ({priority, action, table, source, destination, protocol}: Rule) => ({
  priority,
  action,
  table,
  source,
  destination,
  protocol,
});

const ownRules = async (netlinker: Netlinker) =>
  (await netlinker.rules()).filter(({priority}) => priority > 0 && priority < 32_766).map(complete);

export function rules(holds: Holds): void {
  holds("the host's own rules are seen", async (t, netlinker) => {
    const seen = (await netlinker.rules()).map(({priority, table}) => [priority, table]);
    t.deepEqual(seen, [
      [0, 255],
      [32_766, 254],
      [32_767, 253],
    ]);
  });

  holds('rules come in the order of their priorities', async (t, netlinker) => {
    await netlinker.ruleAdd(outbound);
    await netlinker.ruleAdd(inbound);
    t.deepEqual(await ownRules(netlinker), [complete(inbound), complete(outbound)]);
  });

  holds('a rule with both selectors and a table above 255 is read back as it was', async (t, netlinker) => {
    const rule = {...inbound, source: net('198.51.100.0/25'), table: 70_000};
    await netlinker.ruleAdd(rule);
    t.deepEqual(await ownRules(netlinker), [complete(rule)]);
  });

  holds('a rule can be added only once', async (t, netlinker) => {
    await netlinker.ruleAdd(inbound);
    await refuses(t, netlinker.ruleAdd(inbound), 'ruleAdd', 'exists');
    t.is((await ownRules(netlinker)).length, 1);
  });

  holds('rules that differ in anything stand side by side', async (t, netlinker) => {
    const variants = [
      inbound,
      {...inbound, table: 101},
      {...inbound, priority: 102},
      {...inbound, protocol: 3},
      {...inbound, destination: net('203.0.113.0/25')},
      {...inbound, destination: undefined, source: inbound.destination},
    ];
    for (const rule of variants) await netlinker.ruleAdd(rule);
    t.is((await ownRules(netlinker)).length, variants.length);
    for (const rule of variants) await netlinker.ruleDelete(rule);
    t.deepEqual(await ownRules(netlinker), []);
  });

  holds('a rule can be deleted only once', async (t, netlinker) => {
    await netlinker.ruleAdd(inbound);
    await netlinker.ruleDelete(inbound);
    await refuses(t, netlinker.ruleDelete(inbound), 'ruleDelete', 'missing');
  });

  holds('deleting a rule without selectors leaves those alone that have some', async (t, netlinker) => {
    await netlinker.ruleAdd(inbound);
    await refuses(t, netlinker.ruleDelete({priority: 100, table: 100, protocol: 2}), 'ruleDelete', 'missing');
    t.deepEqual(await ownRules(netlinker), [complete(inbound)]);
  });

  holds('a prefix of no length is no selector', async (t, netlinker) => {
    await netlinker.ruleAdd({...outbound, destination: net('0.0.0.0/0')});
    await refuses(t, netlinker.ruleAdd(outbound), 'ruleAdd', 'exists');
    t.deepEqual(await ownRules(netlinker), [complete(outbound)]);
    await t.notThrowsAsync(netlinker.ruleDelete(outbound));
  });

  holds('an unreachable rule is read back as it was, and can be added and deleted only once', async (t, netlinker) => {
    await netlinker.ruleAdd(guard);
    t.deepEqual(await ownRules(netlinker), [complete(guard)]);
    await refuses(t, netlinker.ruleAdd(guard), 'ruleAdd', 'exists');
    await netlinker.ruleDelete(guard);
    await refuses(t, netlinker.ruleDelete(guard), 'ruleDelete', 'missing');
    t.deepEqual(await ownRules(netlinker), []);
  });

  holds('rules that differ in what they do stand side by side', async (t, netlinker) => {
    const {action: _, ...selectors} = guard;
    const lookup: Rule = {...selectors, table: 100};
    await netlinker.ruleAdd(guard);
    await refuses(t, netlinker.ruleDelete(lookup), 'ruleDelete', 'missing');
    await netlinker.ruleAdd(lookup);
    await netlinker.ruleDelete(guard);
    t.deepEqual(await ownRules(netlinker), [complete(lookup)]);
  });

  holds('a guard stops packets from its address, and no others', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.routesReplace([route('11.0.0.0/24', {source: allocated.address})]);
    t.like(await netlinker.routeGet(ip('11.0.0.9'), allocated.address), {interface: device, source: allocated.address});
    await netlinker.ruleAdd(guard);
    for (const destination of ['11.0.0.9', '198.51.100.9', '169.254.0.0', '192.0.2.254']) {
      const error = await t.throwsAsync(netlinker.routeGet(ip(destination), allocated.address));
      t.like(error, {operation: 'routeGet', kind: 'missing', errno: 'ENETUNREACH'}, destination);
    }
    t.like(await netlinker.routeGet(ip('11.0.0.9'), overlay.address), {interface: device, source: overlay.address});
    t.like(await netlinker.routeGet(ip('198.51.100.9'), ip('192.0.2.1')), {interface: 'eth0'});
    t.like(await netlinker.routeGet(ip('198.51.100.9')), {interface: 'eth0'});
    await netlinker.ruleDelete(guard);
    t.like(await netlinker.routeGet(ip('198.51.100.9'), allocated.address), {interface: 'eth0'});
  });

  holds('a guarded address is still reached from this host', async (t, netlinker) => {
    await raise(netlinker);
    await netlinker.ruleAdd(guard);
    t.like(await netlinker.routeGet(ip('192.0.2.1'), allocated.address), {interface: 'lo'});
    t.like(await netlinker.routeGet(allocated.address, ip('192.0.2.1')), {interface: 'lo'});
  });

  holds('an unreachable rule may go by destination as well', async (t, netlinker) => {
    await netlinker.ruleAdd({priority: 50, action: 'unreachable', destination: net('203.0.113.0/24'), protocol: 2});
    await refuses(t, netlinker.routeGet(ip('203.0.113.9')), 'routeGet', 'missing');
    t.like(await netlinker.routeGet(ip('203.0.112.9')), {interface: 'eth0'});
  });

  holds('a rule that comes before an unreachable one goes first', async (t, netlinker) => {
    await netlinker.ruleAdd({priority: 50, action: 'unreachable', destination: net('203.0.113.0/24'), protocol: 2});
    await netlinker.ruleAdd({priority: 49, table: 254, destination: net('203.0.113.9/32'), protocol: 2});
    t.like(await netlinker.routeGet(ip('203.0.113.9')), {interface: 'eth0'});
    await refuses(t, netlinker.routeGet(ip('203.0.113.8')), 'routeGet', 'missing');
  });
}
