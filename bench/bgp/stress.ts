import {writeFile} from 'node:fs/promises';
import {join as path} from 'node:path';
import {credentials} from '@grpc/grpc-js';
import {Controller} from '../../lab/controller.js';
import {BgpSessionState} from '../../src/rpc/generated/doublezero/tunnel/v1/bgp_session.js';
import type {Tunnel} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel.js';
import {TunnelServiceClient} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_service.js';
import {ServiceType} from '../../src/rpc/generated/doublezero/tunnel/v1/tunnel_spec.js';
import {type Call, load} from '../calls.js';
import {Child, programHere, temporaryFolder} from '../child.js';
import type {Part} from '../part.js';
import {type Judge, row} from '../row.js';
import {Bird, deviceConfiguration, staticRoutes} from './bird.js';
import {run, Space, until} from './network.js';

const routes = 100_000;
const duration = 15_000;
const inFlight = 64;

const p99Under50: Judge = ours => ({text: 'under 50 ms', met: ours < 50});
const noneLost: Judge = ours => ({text: 'none', met: ours === 0});

const source = '192.0.2.1';
const specs = [
  {serviceType: ServiceType.SERVICE_TYPE_IBRL, tunnelDst: '192.0.2.2', tunnelNet: '169.254.0.0/31'},
  {
    serviceType: ServiceType.SERVICE_TYPE_MULTICAST,
    tunnelDst: '192.0.2.3',
    tunnelNet: '169.254.0.2/31',
    mcastPubGroups: ['233.84.178.1'],
  },
].map(spec => ({...spec, tunnelSrc: source, doublezeroIp: source}));

/** Moves the far end of the veth that stands in for a tunnel to the device. */
async function connect(name: string, device: Space, address: string): Promise<void> {
  const [link] = JSON.parse(await run('ip', '-j', 'link', 'show', name)) as [{link: string}];
  await run('ip', 'link', 'set', link.link, 'netns', device.name, 'name', name);
  await device.ip('address', 'add', `${address}/31`, 'dev', name);
  await device.ip('link', 'set', name, 'up');
}

const isUp = ({bgpSession}: Tunnel): boolean => bgpSession?.state === BgpSessionState.BGP_SESSION_STATE_UP;
const establishedAt = ({bgpSession}: Tunnel): number => bgpSession?.establishedTime?.getTime() ?? Number.NaN;

/**
 * Sessions with a hold time of 3 s while 100,000 routes come and go, calls are answered and the garbage collector is made
 * to work: how long GetTunnel takes then, beside the same without routes, and whether a session was lost.
 */
export const bgpStress: Part = async note => {
  await using folder = await temporaryFolder();
  await using device = await Space.create('device');
  await run('ip', 'address', 'add', `${source}/32`, 'dev', 'lo');
  const file = path(folder.path, 'routes.conf');
  await writeFile(file, staticRoutes(routes));
  const socket = folder.socket('daemon');
  const daemonArgs = ['--socket', socket, '--state-dir', folder.path, '--teardown-linger', '0'];
  await using daemon = await Child.start('--gc-interval=500000', programHere('provision-daemon.js'), ...daemonArgs);
  using controller = new Controller(socket);
  for (const [index, spec] of specs.entries()) {
    const {name, remoteOverlay} = await controller.provision(spec);
    await connect(name, device, remoteOverlay);
    note(`bgp-stress: ${name} has a device at ${remoteOverlay}${index === 0 ? ', which feeds it' : ' as well'}`);
  }
  const clients = {
    client0: ['169.254.0.0', '169.254.0.1'],
    client1: ['169.254.0.2', '169.254.0.3'],
  } satisfies Parameters<typeof deviceConfiguration>[1];
  await using bird = await Bird.start(device, folder.path, 'device', deviceConfiguration(file, clients));
  for (const name of Object.keys(clients)) await bird.ask('enable', name);
  await until('both sessions are up', async () => (await controller.list()).every(isUp));
  const before = (await controller.list()).map(establishedAt);

  const client = new TunnelServiceClient(`unix:${socket}`, credentials.createInsecure());
  const getTunnel: Call = done => client.getTunnel({name: 'doublezero0'}, done);
  await load(getTunnel, inFlight, 1000);
  const calm = await load(getTunnel, inFlight, duration);

  const stop = new AbortController();
  let turns = 0;
  const churn = (async () => {
    while (!stop.signal.aborted) {
      await bird.ask(turns % 2 === 0 ? 'enable' : 'disable', 'feed');
      turns += 1;
      await new Promise(resolve => setTimeout(resolve, 1500));
    }
  })();
  const busy = await load(getTunnel, inFlight, duration);
  stop.abort();
  await churn;
  client.close();
  const after = await controller.list();
  const lost = after.filter((tunnel, index) => !isUp(tunnel) || establishedAt(tunnel) !== before[index]).length;
  note(
    `bgp-stress: ${turns} times ${routes.toLocaleString('en')} routes came or went; the daemon has ${Math.round(daemon.residentMemory() / 1e6)} MB`,
  );
  return [
    row(
      'GetTunnel p99, 64 in flight, 100,000 routes coming and going, against none',
      busy.p99,
      calm.p99,
      'ms',
      p99Under50,
    ),
    row('GetTunnel, 64 in flight, 100,000 routes coming and going, against none', busy.rate, calm.rate, 'calls/s'),
    row('sessions with a hold time of 3 s lost meanwhile, of 2', lost, after.length, 'sessions', noneLost),
  ];
};
