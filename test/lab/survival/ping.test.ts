// Traffic through a tunnel whose daemon is killed and started again, veth standing in for GRE.
import {setTimeout as delay} from 'node:timers/promises';
import {specs} from '../../../lab/specs.js';
import {SteadyPing} from '../../../lab/survival/steady-ping.js';
import {VethWorld} from '../../../lab/survival/veth-world.js';
import {addresses} from '../../../lab/topology.js';
import {TunnelState} from '../../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {laboratoryTest} from '../bgp/peers/available.js';

const test = laboratoryTest(['ip', 'ping']);
const keep = ['--on-exit', 'keep'];

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`a ping 50 times a second loses nothing over ${signal} and a new start with --on-exit=keep`, async t => {
    await using world = await VethWorld.create();
    const first = await world.start(...keep);
    const {uid, link} = await first.controller.provision(specs.edgeFiltering);
    await world.connect();
    const pings = [
      SteadyPing.start(world.host, addresses.remoteOverlay),
      SteadyPing.start(world.device, addresses.doublezeroIp, addresses.remoteOverlay),
    ];
    await delay(500);
    await first.stop(signal);
    await delay(500);
    const second = await world.start(...keep);
    const tunnel = await second.controller.provision(specs.edgeFiltering);
    await delay(1500); // over the first looks for drift
    for (const ping of pings) t.log(await ping.expectNoLoss());
    t.is(tunnel.state, TunnelState.TUNNEL_STATE_UP);
    t.is(tunnel.uid, uid);
    t.is(tunnel.link?.index, link?.index);
  });
}
