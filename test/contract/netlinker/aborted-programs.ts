import {spawnSync} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {connect, createServer} from 'node:net';
import test from 'ava';
import type {ProcessWorld} from './kernel-world.js';
import {blocked, sharers} from './python-programs.js';
import {type Plan, socketsText} from './socket-plan.js';
import {SocketProgram} from './socket-programs.js';
import {allocated, ip} from './world.js';

const tunnelIp = allocated.address;

/** What real programs notice, on a kernel that can abort their sockets. */
export function abortedPrograms(subject: string, open: (plan: Plan) => Promise<ProcessWorld>): void {
  const server: Plan = {
    'dz-server': [
      {kind: 'tcp-listener', at: '192.0.2.1:20103'},
      {kind: 'tcp-listener', at: '0.0.0.0:20102'},
    ],
  };

  test.serial(
    `${subject}: programs hear at once that their sockets are aborted, and peers that theirs are reset`,
    async t => {
      await using world = await open({
        ...server,
        'dz-client': [
          {kind: 'tcp-connection', at: '10.99.0.1:20111', to: '192.0.2.1:20103'},
          {kind: 'udp', at: '10.99.0.1:20112', to: '192.0.2.1:20105'},
          {kind: 'udp', at: '10.99.0.1:20113'},
        ],
      });
      const {netlinker, programs} = world;
      const client = programs.get('dz-client');
      await netlinker.socketsAbort([tunnelIp]);
      t.deepEqual(await client?.hearsAll(3), ['0 ECONNABORTED', '1 ECONNABORTED', '2 ECONNABORTED']);
      t.is(await programs.get('dz-server')?.hears(), '0 accepted ECONNRESET');

      // A bound UDP socket can be used again, one that was connected has lost its peer.
      client?.write(2);
      t.is(await client?.hears(), '2 data');
      client?.write(1);
      t.is(await client?.hears(), '1 EDESTADDRREQ');
    },
  );

  test.serial(`${subject}: of a listener on all addresses only the connections to the address are aborted`, async t => {
    await using world = await open({
      ...server,
      'dz-client': [
        {kind: 'tcp-connection', at: '192.0.2.1:20121', to: '10.99.0.1:20102'},
        {kind: 'tcp-connection', at: '192.0.2.1:20122', to: '192.0.2.1:20102'},
      ],
    });
    const {netlinker, programs} = world;
    await netlinker.socketsAbort([tunnelIp]);
    t.is(await programs.get('dz-client')?.hears(), '0 ECONNRESET');
    t.is(await programs.get('dz-server')?.hears(), '1 accepted ECONNABORTED');
    programs.get('dz-client')?.write(1);
    t.is(await programs.get('dz-server')?.hears(), '1 accepted data');
    await using late = await SocketProgram.start('dz-late', [
      {kind: 'tcp-connection', at: '192.0.2.1:20123', to: '10.99.0.1:20102'},
    ]);
    t.true(late.pid > 0);
  });

  test.serial(`${subject}: this process's own sockets are neither listed nor aborted`, async t => {
    await using world = await open({...server, 'dz-other': [{kind: 'udp', at: '10.99.0.1:20134'}]});
    const {netlinker, programs} = world;
    const own = createServer(socket => socket.pipe(socket)).listen(20_131, '10.99.0.1');
    await once(own, 'listening');
    const tcp = connect({host: '192.0.2.1', port: 20_103, localAddress: '10.99.0.1', localPort: 20_132});
    await once(tcp, 'data');
    const udp = createSocket('udp4').bind(20_133, '10.99.0.1');
    await once(udp, 'listening');
    t.teardown(() => {
      own.close();
      tcp.destroy();
      udp.close();
    });
    const listed = ['udp close 10.99.0.1:20134'];
    t.deepEqual(socketsText(await netlinker.sockets([tunnelIp])), listed);
    t.deepEqual(socketsText(await netlinker.socketsAbort([tunnelIp])), listed);
    t.is(await programs.get('dz-other')?.hears(), '0 ECONNABORTED');

    tcp.write('x');
    t.is(await programs.get('dz-server')?.hears(), '0 accepted data');
    udp.send('x', 20_133, '10.99.0.1');
    await once(udp, 'message');
    const visitor = connect(20_131, '10.99.0.1');
    visitor.end('x');
    t.is(String((await once(visitor, 'data'))[0]), 'x');
  });

  test.serial(`${subject}: sockets of IPv6 that are bound to the address mapped are aborted like others`, async t => {
    await using world = await open({
      ...server,
      'dz-mapped': [
        {kind: 'tcp-connection', at: '::ffff:10.99.0.1:20142', to: '::ffff:192.0.2.1:20103'},
        {kind: 'udp', at: '::ffff:10.99.0.1:20143'},
        {kind: 'udp', at: '::ffff:10.99.0.1:20144', to: '::ffff:192.0.2.1:20105'},
        {kind: 'tcp-listener', at: '::ffff:192.0.2.1:20145'},
        {kind: 'tcp-listener', at: ':::20146'},
        {kind: 'tcp-listener', at: '::ffff:10.99.0.1:20141'},
      ],
    });
    const {netlinker, programs} = world;
    t.deepEqual(socketsText(await netlinker.socketsAbort([tunnelIp])), [
      'tcp established 10.99.0.1:20142 to 192.0.2.1:20103',
      'tcp listen 10.99.0.1:20141',
      'udp close 10.99.0.1:20143',
      'udp established 10.99.0.1:20144 to 192.0.2.1:20105',
    ]);
    t.deepEqual(await programs.get('dz-mapped')?.hearsAll(3), ['0 ECONNABORTED', '1 ECONNABORTED', '2 ECONNABORTED']);
    t.deepEqual(socketsText(await netlinker.sockets([ip('192.0.2.1')])), [
      'tcp listen 192.0.2.1:20103',
      'tcp listen 192.0.2.1:20145',
    ]);
  });

  test.serial(`${subject}: very many sockets are aborted, each of them`, async t => {
    const count = 1000;
    const many = Array.from({length: count}, (_, place) => ({kind: 'udp', at: `10.99.0.1:${21_000 + place}`}) as const);
    await using world = await open({'dz-many': many});
    t.is((await world.netlinker.socketsAbort([tunnelIp])).length, count);
    const lines = await world.programs.get('dz-many')?.hearsAll(count);
    t.deepEqual(lines, many.map((_, place) => `${place} ECONNABORTED`).sort());
  });

  const python = spawnSync('python3', ['--version']).status === 0 ? test.serial : test.skip;

  python(`${subject}: programs that are blocked in a call wake up, listeners too`, async t => {
    await using world = await open(server);
    await using program = await SocketProgram.python(blocked);
    await world.netlinker.socketsAbort([tunnelIp]);
    t.deepEqual(await program.hearsAll(), [
      'accept EINVAL',
      'tcp ECONNABORTED',
      'udp ECONNABORTED',
      'udp-peer ECONNABORTED',
    ]);
  });

  python(`${subject}: of sockets that share an address and port, each is aborted`, async t => {
    await using world = await open({});
    await using program = await SocketProgram.python(sharers);
    t.is((await world.netlinker.socketsAbort([tunnelIp])).length, 24);
    t.deepEqual(await program.hearsAll(), ['ECONNABORTED 16', 'EINVAL 8']);
  });
}
