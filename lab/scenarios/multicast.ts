import assert from 'node:assert/strict';
import {fileURLToPath} from 'node:url';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {PimNeighborState} from '../../src/rpc/generated/doublezero/tunnel/v1/multicast_status.js';
import type {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {ServiceType, type TunnelSpec} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import type {Controller} from '../controller.js';
import {expectCleanTeardown} from '../expect.js';
import {eventually, frrPrograms} from '../frr.js';
import type {Laboratory} from '../laboratory.js';
import {LineProgram} from '../line-program.js';
import {expectSame, PimDevice} from '../pim-device.js';
import type {Scenario} from '../scenario.js';
import {SecondHost} from '../second-host.js';
import {specs} from '../specs.js';
import {addresses} from '../topology.js';

const name = 'doublezero1';
const [one, two, three] = ['233.84.178.1', '233.84.178.2', '233.84.178.3'] as const;
const source = addresses.doublezeroIp;

/** The device's tunnel to the first host. */
const publisherTunnel = {interface: 'tunnel0', client: '169.254.0.1'};
const subscriberTunnel = SecondHost.tunnel;

const publisher = {...specs.multicast, mcastPubGroups: [one, three], mcastSubGroups: []};
const publisherAndSubscriber = {...publisher, mcastSubGroups: [two]};
const subscriber = (...mcastSubGroups: string[]): Partial<TunnelSpec> => ({
  ...SecondHost.underlay,
  serviceType: ServiceType.SERVICE_TYPE_MULTICAST,
  mcastSubGroups,
});

const stream = fileURLToPath(new URL('../stream.js', import.meta.url));
const streamProgram = (namespace: Laboratory['host'], ...args: string[]) =>
  new LineProgram(namespace, process.execPath, stream, ...args);

/** Resolves when the tunnel's session is up. */
const established = (controller: Controller): Promise<Tunnel> =>
  eventually('the BGP session is up', async () => {
    const tunnel = await controller.get(name);
    assert.equal(tunnel.bgpSession?.state, BgpSessionState.BGP_SESSION_STATE_UP);
    return tunnel;
  });

/** Same interface, same session. */
function expectUndisturbed(before: Tunnel, after: Tunnel): string {
  assert.equal(after.link?.index, before.link?.index);
  assert.deepEqual(after.bgpSession?.establishedTime, before.bgpSession?.establishedTime);
  assert.equal(after.uid, before.uid);
  return `interface ${after.link?.index} and session of ${after.bgpSession?.establishedTime?.toISOString()} as before`;
}

/** Waits until the stream of one group has gone on for a while, in which none of the other came. */
async function expectStopped(receiver: LineProgram, stopped: string, goesOn: string): Promise<string> {
  const before = receiver.count(stopped);
  await receiver.more(goesOn, 40);
  assert.equal(receiver.count(stopped), before);
  return `0 of it while 40 datagrams of ${goesOn} came`;
}

export const multicast: Scenario = {
  summary: 'multicast through FRR: a stream from a publisher behind one daemon to a subscriber behind another',
  programs: frrPrograms,
  async run(lab) {
    await using second = await SecondHost.create(lab);
    // A publisher's address is on a network of the device's tunnel here, so that FRR, as a border router would, takes the
    // source for a neighbor's without a PIM neighbor there.
    await lab.device.batch(`
      addr del ${one}/32 dev tunnel0
      route del ${source}/32 dev tunnel0
      addr add 10.99.0.254/24 dev tunnel0
    `);
    await using device = await lab.step('start FRR as the device: zebra, bgpd, pimd', () =>
      PimDevice.start(lab.device, [publisherTunnel, subscriberTunnel]),
    );
    const first = await lab.step('start the first daemon', () => lab.startDaemon());
    const other = await lab.step('start the second daemon', () => second.startDaemon(lab));

    await lab.step(`first: ProvisionTunnel, publishes to ${one} and ${three}`, async () => {
      await first.controller.provision(publisher);
      return `BGP up since ${(await established(first.controller)).bgpSession?.establishedTime?.toISOString()}`;
    });
    await lab.step('FRR has an (S,G) for each published group', () =>
      eventually('both sources are known', async () => {
        const found = [...(await device.sources(one)), ...(await device.sources(three))];
        return expectSame(found, [`${source} on tunnel0`, `${source} on tunnel0`]);
      }),
    );
    await lab.step('the rendezvous point answers each Register with a Register-Stop', () =>
      eventually('two Register-Stops', async () => {
        const {multicast: status} = await first.controller.get(name);
        // One for each group at least: the second round comes at a random moment.
        assert(status && status.registersSent >= 2n, `${status?.registersSent} Registers sent`);
        assert.equal(status.registerStopsReceived, status.registersSent);
        assert.equal(status.hellosSent, 0n);
        return `${status.registersSent} sent, ${status.registerStopsReceived} answered, no Hellos`;
      }),
    );
    await lab.step('FRR has no PIM neighbor on a tunnel that only publishes', async () =>
      expectSame(await device.neighbors(publisherTunnel), []),
    );

    await lab.step(`second: ProvisionTunnel, subscribes to ${one} and ${two}`, async () => {
      await other.controller.provision(subscriber(one, two));
      await established(other.controller);
    });
    await lab.step('FRR’s neighbor table shows us', () =>
      eventually('the neighbor is there', async () =>
        expectSame(await device.neighbors(subscriberTunnel), [subscriberTunnel.client]),
      ),
    );
    await lab.step('FRR’s join state shows both groups', () =>
      eventually('both are joined', async () => expectSame(await device.joined(subscriberTunnel), [one, two])),
    );
    const before = await lab.step('the tunnel’s status shows FRR', () =>
      eventually('the neighbor is up', async () => {
        const tunnel = await other.controller.get(name);
        assert.equal(tunnel.multicast?.pimNeighbor?.state, PimNeighborState.PIM_NEIGHBOR_STATE_UP);
        assert.equal(tunnel.multicast.pimNeighbor.address, '169.254.1.0');
        return tunnel;
      }),
    );

    await using _sender = streamProgram(lab.host, 'send', one, three);
    await using receiver = streamProgram(second.namespace, 'receive', one, `${three}@${subscriberTunnel.client}`);
    await lab.step(`the stream of ${one} arrives, and that of ${three} does not`, async () => {
      await receiver.more(`${one} ${source}`, 40);
      assert.equal(receiver.count(`${three} ${source}`), 0);
      return '40 datagrams';
    });
    await lab.step(`second: UpdateTunnel, subscribes to ${two} and ${three}`, async () =>
      expectUndisturbed(before, await other.controller.update(subscriber(two, three))),
    );
    await lab.step('FRR’s join state follows', () =>
      eventually('the groups have changed', async () =>
        expectSame(await device.joined(subscriberTunnel), [two, three]),
      ),
    );
    await lab.step(`the stream of ${one} has stopped`, async () => {
      await receiver.more(`${three} ${source}`);
      return expectStopped(receiver, `${one} ${source}`, `${three} ${source}`);
    });

    const pimGeneration = (tunnel: Tunnel) => tunnel.multicast?.pimNeighbor?.generationId;
    await lab.step('restart pimd: it is noticed, and joins come without waiting for their turn', async () => {
      const known = await other.controller.get(name);
      await device.frr.restart('pimd');
      await eventually('FRR is up with another generation ID', async () => {
        const now = await other.controller.get(name);
        assert.notEqual(pimGeneration(now), pimGeneration(known));
        // At the latest they would come with the next of the Hellos, every 30 s.
        assert(Number(now.multicast?.lastJoinTime) - Number(now.multicast?.pimNeighbor?.since) < 10_000);
      });
      return eventually('both are joined', async () => expectSame(await device.joined(subscriberTunnel), [two, three]));
    });
    await lab.step('the second’s interface is deleted: after the repair FRR hears another generation ID', async () => {
      const known = await other.controller.get(name);
      await second.namespace.ip('link', 'del', name);
      const tunnel = await eventually('Hellos go out again', async () => {
        const now = await other.controller.get(name);
        assert(now.multicast?.generationId && now.multicast.generationId !== known.multicast?.generationId);
        assert.notEqual(now.link?.index, known.link?.index);
        return now;
      });
      return `interface ${known.link?.index} → ${tunnel.link?.index}`;
    });

    const publishing = await first.controller.get(name);
    await lab.step(`first: UpdateTunnel, subscribes to ${two} too`, async () => {
      const found = expectUndisturbed(publishing, await first.controller.update(publisherAndSubscriber));
      await eventually('it is joined', async () => expectSame(await device.joined(publisherTunnel), [two]));
      return found;
    });
    await lab.step('first: UpdateTunnel, only publishes again; FRR hears the goodbye', async () => {
      const found = expectUndisturbed(publishing, await first.controller.update(publisher));
      await eventually('it is gone', async () => expectSame(await device.neighbors(publisherTunnel), []));
      expectSame(await device.joined(publisherTunnel), []);
      return found;
    });

    await lab.step('second: RemoveTunnel', async () => expectCleanTeardown(await other.controller.remove(name)));
    await lab.step('FRR has neither joins nor the neighbor any more', async () => {
      await eventually('all is gone', async () => {
        expectSame(await device.joined(subscriberTunnel), []);
        expectSame(await device.neighbors(subscriberTunnel), []);
      });
    });
    await lab.step('first: RemoveTunnel', async () => expectCleanTeardown(await first.controller.remove(name)));
  },
};
