import assert from 'node:assert/strict';
import {expectLoweredFirst, expectRecord, expectUnchanged} from '../expect.js';
import {ping} from '../ping.js';
import * as record from '../record.js';
import type {Scenario} from '../scenario.js';
import {takeSnapshot} from '../snapshot.js';
import {addresses} from '../topology.js';

const tunnel = (name: string): string => `
  link add ${name} type gre local 192.0.2.1 remote 192.0.2.2 ttl 64 nopmtudisc
  addr add 169.254.0.1/31 dev ${name} scope link
  link set ${name} up
  addr add 10.99.0.1/32 dev ${name}
`;

const edgeFiltering = `${tunnel('doublezero0')}
  rule add to 203.0.113.0/24 lookup 100 pref 100 proto 2
  rule add from 203.0.113.0/24 lookup 101 pref 101 proto 2
  rule add to 198.51.100.0/25 lookup 100 pref 100 proto 2
  rule add from 198.51.100.0/25 lookup 101 pref 101 proto 2
  route add default via 169.254.0.0 dev doublezero0 src 10.99.0.1 table 101 proto 3
`;

const rulesGone = `
  rule del to 203.0.113.0/24 lookup 100 pref 100
  rule del from 203.0.113.0/24 lookup 101 pref 101
  rule del to 198.51.100.0/25 lookup 100 pref 100
  rule del from 198.51.100.0/25 lookup 101 pref 101
`;

const multicast = `${tunnel('doublezero1')}
  route add 233.84.178.1 via 169.254.0.0 dev doublezero1 src 10.99.0.1 proto 4
  route add 233.84.178.3 via 169.254.0.0 dev doublezero1 src 10.99.0.1 proto 4
  route add 233.84.178.2 via 169.254.0.0 dev doublezero1 proto 4
`;

/** Tells a fault of the laboratory from one of the daemon, and shows that its judgements can go either way. */
export const judges: Scenario = {
  summary: 'the laboratory itself: tunnels made with ip(8) satisfy it, and bad teardowns do not',
  async run(lab) {
    const tap = await lab.tapNetlink();
    const before = await takeSnapshot(lab.host);
    await lab.step('edge filtering by hand', async () => {
      await lab.host.batch(edgeFiltering);
      return expectRecord(lab.host, before, record.edgeFiltering);
    });
    await lab.step('ping from a prefix', () => ping(lab.host, addresses.behindDevice, addresses.inPrefix));
    await lab.step('something taken away is noticed', async () => {
      await lab.host.batch('route del default table 101\n');
      await assert.rejects(expectRecord(lab.host, before, record.edgeFiltering), assert.AssertionError);
    });
    await lab.step('a deletion without lowering is noticed', async () => {
      await lab.host.ip('link', 'del', 'doublezero0');
      await assert.rejects(expectLoweredFirst(lab.links, tap, 'doublezero0'), assert.AssertionError);
    });
    await lab.step('rules left behind are noticed', async () => {
      await assert.rejects(expectUnchanged(lab.host, before), assert.AssertionError);
      await lab.host.batch(rulesGone);
      await expectUnchanged(lab.host, before);
    });
    await lab.step('multicast by hand', async () => {
      await lab.host.batch(multicast);
      return expectRecord(lab.host, before, record.multicast);
    });
    await lab.step('a proper teardown passes', async () => {
      await lab.host.batch('link set doublezero1 down\nlink del doublezero1\n');
      await expectUnchanged(lab.host, before);
      return expectLoweredFirst(lab.links, tap, 'doublezero1');
    });
  },
};
