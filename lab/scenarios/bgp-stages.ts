import assert from 'node:assert/strict';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {announced, BgpDevice, learnedRoute} from '../bgp-device.js';
import type {Daemon} from '../daemon.js';
import {eventually} from '../frr.js';
import type {Laboratory} from '../laboratory.js';
import {ping} from '../ping.js';
import {difference, type Snapshot, takeSnapshot} from '../snapshot.js';
import type {Service} from './service.js';

type Subject = Pick<Service, 'name' | 'record' | 'learned'> & {readonly before: Snapshot};

const {BGP_SESSION_STATE_UP, BGP_SESSION_STATE_DOWN} = BgpSessionState;

/**
 * What a BGP session does to the kernel, stage by stage, with FRR as the device: up, a route withdrawn, the session lost,
 * and up again. Resolves to the device, for the removal.
 */
export async function bgpStages(lab: Laboratory, {controller}: Daemon, subject: Subject): Promise<BgpDevice> {
  const {name, learned} = subject;
  const sessionIs = (state: BgpSessionState) =>
    eventually(`the session is ${BgpSessionState[state]}`, async () => {
      const {bgpSession} = await controller.get(name);
      assert.equal(bgpSession?.state, state, bgpSession?.lastError);
      return `${BgpSessionState[state]}${bgpSession.holdTime ? `, hold time ${bgpSession.holdTime.seconds} s` : ''}`;
    });
  const start = async (title: string) => {
    const device = await lab.step(title, () => BgpDevice.start(lab.device));
    await lab.step('wait for the BGP session', () => sessionIs(BGP_SESSION_STATE_UP));
    await lab.step(`find ${announced.length} learned routes`, () => expectLearned(lab, subject, announced));
    await lab.step('ask the device what it learned', () => device.learns(learned.advertised));
    return device;
  };

  const first = await start('start FRR on the device');
  const {ping: destination} = learned;
  if (destination) await lab.step(`ping ${destination}, a learned prefix`, () => ping(lab.host, destination));
  await lab.step('have the device withdraw a route', async () => {
    await first.withdraw('11.0.0.2/32');
    const rest = announced.filter(prefix => learned.staysWhenWithdrawn || prefix !== '11.0.0.2/32');
    return expectLearned(lab, subject, rest);
  });
  await lab.step('end FRR', async () => {
    await first[Symbol.asyncDispose]();
    return sessionIs(BGP_SESSION_STATE_DOWN);
  });
  await lab.step('look at the routes without a session', () =>
    expectLearned(lab, subject, learned.staysWhenWithdrawn ? announced : []),
  );
  return start('start FRR again');
}

/** The kernel has what is on record and, besides, these learned routes and no other. */
function expectLearned(lab: Laboratory, {name, before, record, learned}: Subject, prefixes: readonly string[]) {
  const {table, source} = learned;
  const routes = table === undefined ? [] : prefixes.map(prefix => learnedRoute(prefix, name, table, source));
  return eventually(`${routes.length} learned routes are in the kernel`, async () => {
    const found = difference(before, await takeSnapshot(lab.host))
      .split('\n')
      .sort();
    assert.deepEqual(found, [...record.split('\n'), ...routes].sort());
    return routes.length === 0 ? 'none in the kernel' : `${routes.length}, as on record: ${routes[0]}`;
  });
}
