import type {Netlinker, Rule} from '../../../src/netlink/netlinker.js';
import {type Holds, net, refuses} from './world.js';

const inbound: Rule = {priority: 100, table: 100, destination: net('203.0.113.0/24'), protocol: 2};
const outbound: Rule = {priority: 101, table: 101, source: net('203.0.113.0/24'), protocol: 2};

const ownRules = async (netlinker: Netlinker) =>
  (await netlinker.rules())
    .filter(({priority}) => priority > 0 && priority < 32_766)
    .map(({priority, table, source, destination, protocol}) => ({priority, table, source, destination, protocol}));

const complete = (rule: Rule) => ({source: undefined, destination: undefined, ...rule});

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
}
