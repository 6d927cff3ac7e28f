import test, {type ExecutionContext} from 'ava';
import type {Ipv4} from '../../../src/ip/ipv4.js';
import type {HostSocket} from '../../../src/netlink/host-socket.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {type Plan, socketsText} from './socket-plan.js';
import {allocated, ip, overlay, refuses} from './world.js';

/** A host with the tunnel raised on which the plan's programs run, each in a process whose id is told by its name. */
export interface SocketWorld extends AsyncDisposable {
  readonly netlinker: Netlinker;
  readonly pids: ReadonlyMap<string, number>;
}

export type OpenSocketWorld = (plan: Plan) => Promise<SocketWorld>;

const overlayIp = overlay.address;
const tunnelIp = allocated.address;

/** Sockets of every sort on the tunnel's addresses, and beside them some on addresses that are none of its business. */
const plan: Plan = {
  'dz-server': [
    {kind: 'tcp-listener', at: '10.99.0.1:20001'},
    {kind: 'tcp-listener', at: '0.0.0.0:20002'},
    {kind: 'tcp-listener', at: '192.0.2.1:20003'},
    {kind: 'udp', at: '0.0.0.0:20004'},
    {kind: 'udp', at: '192.0.2.1:20005'},
  ],
  'dz-client': [
    {kind: 'tcp-connection', at: '10.99.0.1:20011', to: '192.0.2.1:20003'},
    {kind: 'udp', at: '10.99.0.1:20012'},
    {kind: 'udp', at: '10.99.0.1:20013', to: '192.0.2.1:20005'},
    {kind: 'tcp-connection', at: '192.0.2.1:20014', to: '192.0.2.1:20003'},
  ],
  'dz-other': [{kind: 'udp', at: '169.254.0.1:20021', to: '169.254.0.1:20022'}],
};

const onTunnelIp = [
  'tcp established 10.99.0.1:20011 to 192.0.2.1:20003',
  'tcp listen 10.99.0.1:20001',
  'udp close 10.99.0.1:20012',
  'udp established 10.99.0.1:20013 to 192.0.2.1:20005',
];

const onHostIp = [
  'tcp established 192.0.2.1:20003 to 10.99.0.1:20011',
  'tcp established 192.0.2.1:20003 to 192.0.2.1:20014',
  'tcp established 192.0.2.1:20014 to 192.0.2.1:20003',
  'tcp listen 192.0.2.1:20003',
  'udp close 192.0.2.1:20005',
];

const onOverlayIp = ['udp established 169.254.0.1:20021 to 169.254.0.1:20022'];

export function sockets(subject: string, open: OpenSocketWorld): void {
  // One after the other: where the host is a real one they are all on the same addresses and ports.
  const holds = (behaviour: string, body: (t: ExecutionContext, world: SocketWorld) => Promise<void>) =>
    test.serial(`${subject}: ${behaviour}`, async t => {
      await using world = await open(plan);
      await body(t, world);
    });
  const textAt = async (netlinker: Netlinker, ...addresses: Ipv4[]) => socketsText(await netlinker.sockets(addresses));

  holds('sockets are listed by their local address and no other', async (t, {netlinker}) => {
    t.deepEqual(await textAt(netlinker, tunnelIp), onTunnelIp);
    t.deepEqual(await textAt(netlinker, ip('192.0.2.1')), onHostIp);
    t.deepEqual(await textAt(netlinker, overlayIp, tunnelIp), [...onTunnelIp, ...onOverlayIp].sort());
    t.deepEqual(await textAt(netlinker, ip('0.0.0.0')), []);
    t.deepEqual(await textAt(netlinker, ip('10.99.0.2')), []);
    t.deepEqual(await textAt(netlinker), []);
  });

  holds('sockets have the user who opened them', async (t, {netlinker}) => {
    const found = await netlinker.sockets([tunnelIp, overlayIp]);
    t.deepEqual([...new Set(found.map(({uid}) => uid))], [process.getuid?.()]);
  });

  holds('sockets have inodes by which their holders are found', async (t, {netlinker, pids}) => {
    const found = await netlinker.sockets([tunnelIp, overlayIp]);
    const holders = await netlinker.socketHolders(found);
    const seen = holders.map(({pid, command, sockets: held}) => ({pid, command, sockets: socketsText(held)}));
    const [server, client, other] = ['dz-server', 'dz-client', 'dz-other'].map(command => ({
      command,
      pid: pids.get(command),
    }));
    const expected = [
      {...server, sockets: ['tcp listen 10.99.0.1:20001']},
      {...client, sockets: onTunnelIp.filter(text => !text.includes('listen'))},
      {...other, sockets: onOverlayIp},
    ];
    t.deepEqual(
      seen,
      expected.sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0)),
    );
    const nobodys: HostSocket[] = found.map(socket => ({...socket, inode: 0}));
    t.deepEqual(await netlinker.socketHolders(nobodys), []);
    t.deepEqual(await netlinker.socketHolders([]), []);
  });

  holds('sockets are aborted by their local address where the kernel can', async (t, {netlinker}) => {
    const {socketAbort} = await netlinker.capabilities();
    if (socketAbort) {
      t.deepEqual(socketsText(await netlinker.socketsAbort([tunnelIp])), onTunnelIp);
      t.deepEqual(await textAt(netlinker, tunnelIp), ['udp close 10.99.0.1:20012', 'udp close 10.99.0.1:20013']);
      t.deepEqual(await netlinker.socketsAbort([ip('10.99.0.2')]), []);
      t.deepEqual(await netlinker.socketsAbort([]), []);
    } else {
      await refuses(t, netlinker.socketsAbort([tunnelIp]), 'socketsAbort', 'unsupported');
      await refuses(t, netlinker.socketsAbort([ip('10.99.0.2')]), 'socketsAbort', 'unsupported');
      t.deepEqual(await textAt(netlinker, tunnelIp), onTunnelIp);
    }
    t.deepEqual(await textAt(netlinker, overlayIp), onOverlayIp);
    t.true((await textAt(netlinker, ip('192.0.2.1'))).includes('tcp established 192.0.2.1:20014 to 192.0.2.1:20003'));
  });
}
