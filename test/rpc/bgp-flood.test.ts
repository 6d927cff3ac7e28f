// The real speaker under the real server: what a peer does must not keep controllers waiting.
import {randomInt} from 'node:crypto';
import {credentials} from '@grpc/grpc-js';
import test from 'ava';
import type {BgpSpeaker} from '../../src/bgp/bgp-speaker.js';
import {noPrefixes, type PrefixList, prefixList} from '../../src/bgp/codec/prefix-list.js';
import {encodeUpdate} from '../../src/bgp/codec/update-encode.js';
import {Speaker} from '../../src/bgp/speaker.js';
import {type Ipv4, ipv4} from '../../src/ip/ipv4.js';
import {RecordingMulticastSpeaker} from '../../src/multicast/recording-speaker.js';
import {MemoryNetlinker} from '../../src/netlink/memory.js';
import type {Netlinker, Route} from '../../src/netlink/netlinker.js';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {tunnelRpcs} from '../../src/rpc/tunnel-rpcs.js';
import {TunnelServer} from '../../src/rpc/tunnel-server.js';
import {TunnelManager} from '../../src/tunnels/tunnel-manager.js';
import {eventually} from '../unit/bgp/loopback-world.js';
import {flood, ScriptedPeer} from '../unit/bgp/scripted-peer.js';
import {silentLogger} from '../world.js';
import {openAccess} from './access.js';
import {controllerOf, specs} from './controller.js';
import {loopback} from './plumbing.js';

const overlayOfDevice = ipv4(0xa9fe0000); // 169.254.0.0, as in `specs`

/**
 * The service over a model host, and a device on a loopback address. No tunnel may have such an overlay: between the
 * domain and the speaker, and between the speaker and the kernel, the addresses of one stand for those of the other.
 */
async function openWorld() {
  const local = ipv4(0x7f000001 + randomInt(1, 0xfffe) * 256);
  const remote = ipv4(local - 1);
  const device = await ScriptedPeer.listen(remote, 0, {localAs: 65_001, holdTime: 3});
  const model = new MemoryNetlinker();
  const log = silentLogger();
  const led = (routes: readonly Route[]) => routes.map(route => ({...route, gateway: overlayOfDevice}));
  const netlinker = withMembers<Netlinker>(model, {
    routesReplace: routes => model.routesReplace(led(routes)),
    routesDelete: routes => model.routesDelete(led(routes)),
  });
  const speaker = new Speaker({netlinker, log, port: device.port});
  const bgp = withMembers<BgpSpeaker>(speaker, {
    addPeer: peer => speaker.addPeer({...peer, localAddress: local, peerAddress: remote}),
  });
  const multicast = new RecordingMulticastSpeaker();
  const manager = new TunnelManager({netlinker: model, bgp, multicast, log, repair: false});
  const daemonInfo = () => {
    throw new Error('not asked for here');
  };
  const server = await TunnelServer.listen({
    ...openAccess(),
    addresses: [loopback()],
    rpcs: tunnelRpcs({manager, bgp, multicast, daemonInfo}),
    log,
  });
  server.serve();
  const client = new TunnelServiceClient(server.addresses[0] ?? '', credentials.createInsecure());
  return {
    device,
    remote,
    model,
    speaker,
    ...controllerOf(client),
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close();
      await manager[Symbol.asyncDispose]();
      await speaker[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

/** The same object but for these members. */
const withMembers = <Target extends object>(target: Target, members: Partial<Target>): Target =>
  new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(name in members ? members : target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });

/** In MP_REACH_NLRI: the NEXT_HOP attribute may not be a loopback address. */
const announcement = (nextHop: Ipv4, nlri: PrefixList): Uint8Array =>
  encodeUpdate(
    {
      withdrawnRoutes: noPrefixes,
      pathAttributes: {
        origin: 'IGP',
        asPath: [{type: 'AS_SEQUENCE', numbers: [65_001]}],
        mpReach: {nextHop, nlri},
      },
      nlri: noPrefixes,
    },
    4,
  );
const withdrawal = (withdrawnRoutes: PrefixList): Uint8Array =>
  encodeUpdate({withdrawnRoutes, pathAttributes: {}, nlri: noPrefixes}, 4);

/** 10,000 host routes of 11.0.0.0/8, as many as a message has room for in each. */
const tenThousand = Array.from({length: 20}, (_, part) =>
  prefixList(Array.from({length: 500}, (_, index) => ({address: ipv4(0x0b000000 + 500 * part + index), length: 32}))),
);

test('calls are answered while a peer announces and withdraws 10,000 routes without end', async t => {
  await using world = await openWorld();
  const {device, remote, model, speaker, provision, get} = world;
  const calling = device.call();
  await provision(specs.ibrl);
  const call = await (await calling).establish();
  const announcements = Buffer.concat(tenThousand.map(nlri => announcement(remote, nlri)));
  const withdrawals = Buffer.concat(tenThousand.map(withdrawal));

  let flooding = true;
  const callers = Array.from({length: 8}, async () => {
    const seen: {up: boolean; received: number}[] = [];
    while (flooding) {
      const {bgpSession} = await get('doublezero0', {deadline: Date.now() + 20_000});
      const up = bgpSession?.state === BgpSessionState.BGP_SESSION_STATE_UP;
      seen.push({up, received: bgpSession?.routesReceived ?? 0});
    }
    return seen;
  });
  const flooded = flood(call, Buffer.concat([announcements, withdrawals])).finally(() => {
    flooding = false;
  });
  const [, ...answers] = await Promise.all([flooded, ...callers]);
  const seen = answers.flat();
  t.true(
    seen.some(({received}) => received > 0),
    'the routes came in meanwhile',
  );
  t.false(
    seen.some(({up, received}) => received > 0 && !up),
    'the session stayed up',
  );
  t.log(`${seen.length} calls answered`);

  // The last word, whatever of the flood is still on its way, and one route more by which to tell that this was all.
  call.send(announcements, announcement(remote, prefixList([{address: ipv4(0x0c000000), length: 32}])));
  await eventually('it is carried out', () => speaker.session('doublezero0')?.routesInstalled === 10_001);
  t.is((await model.routes({protocol: 186})).length, 10_001);
  t.like((await get('doublezero0')).bgpSession, {routesReceived: 10_001, routesInstalled: 10_001, lastError: ''});
});
