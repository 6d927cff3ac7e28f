import {spawn, spawnSync} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {connect, createServer} from 'node:net';
import {createInterface} from 'node:readline';
import test from 'ava';
import type {ProcessWorld} from './kernel-world.js';
import {type Plan, socketsText} from './socket-plan.js';
import {SocketProgram} from './socket-programs.js';
import {allocated, ip} from './world.js';

const tunnelIp = allocated.address;

/** The next lines of a program, sorted: sockets are aborted in any order. */
async function hears(program: SocketProgram | undefined, count: number): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  while (lines.length < count) lines.push(await program?.hears());
  return lines.sort();
}

/** What real programs notice, on a kernel that can abort their sockets. */
export function abortedPrograms(subject: string, open: (plan: Plan) => Promise<ProcessWorld>): void {
  const server: Plan = {
    'dz-server': [
      {kind: 'tcp-listener', at: '192.0.2.1:20103'},
      {kind: 'tcp-listener', at: '10.99.0.1:20101'},
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
      t.deepEqual(await hears(client, 3), ['0 ECONNABORTED', '1 ECONNABORTED', '2 ECONNABORTED']);
      t.deepEqual(await hears(programs.get('dz-server'), 2), ['0 accepted ECONNRESET', '1 EINVAL']);

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
    t.deepEqual(await hears(programs.get('dz-server'), 2), ['1 EINVAL', '2 accepted ECONNABORTED']);
    programs.get('dz-client')?.write(1);
    t.is(await programs.get('dz-server')?.hears(), '2 accepted data');
    await using late = await SocketProgram.start('dz-late', [
      {kind: 'tcp-connection', at: '192.0.2.1:20123', to: '10.99.0.1:20102'},
    ]);
    t.true(late.pid > 0);
  });

  test.serial(`${subject}: this process's own sockets are neither listed nor aborted`, async t => {
    await using world = await open(server);
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
    const listed = ['tcp listen 10.99.0.1:20101'];
    t.deepEqual(socketsText(await netlinker.sockets([tunnelIp])), listed);
    t.deepEqual(socketsText(await netlinker.socketsAbort([tunnelIp])), listed);
    t.is(await programs.get('dz-server')?.hears(), '1 EINVAL');

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
        {kind: 'tcp-listener', at: '::ffff:10.99.0.1:20141'},
        {kind: 'tcp-connection', at: '::ffff:10.99.0.1:20142', to: '::ffff:192.0.2.1:20103'},
        {kind: 'udp', at: '::ffff:10.99.0.1:20143'},
        {kind: 'udp', at: '::ffff:10.99.0.1:20144', to: '::ffff:192.0.2.1:20105'},
        {kind: 'tcp-listener', at: '::ffff:192.0.2.1:20145'},
        {kind: 'tcp-listener', at: ':::20146'},
      ],
    });
    const {netlinker, programs} = world;
    t.deepEqual(socketsText(await netlinker.socketsAbort([tunnelIp])), [
      'tcp established 10.99.0.1:20142 to 192.0.2.1:20103',
      'tcp listen 10.99.0.1:20101',
      'tcp listen 10.99.0.1:20141',
      'udp close 10.99.0.1:20143',
      'udp established 10.99.0.1:20144 to 192.0.2.1:20105',
    ]);
    const errors = ['0 EINVAL', '1 ECONNABORTED', '2 ECONNABORTED', '3 ECONNABORTED'];
    t.deepEqual(await hears(programs.get('dz-mapped'), 4), errors);
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
    const lines = await hears(world.programs.get('dz-many'), count);
    t.deepEqual(lines, many.map((_, place) => `${place} ECONNABORTED`).sort());
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  const reusing = python ? test.serial : test.skip;
  reusing(`${subject}: of sockets that share an address and port, each is aborted`, async t => {
    await using world = await open({});
    const child = spawn('python3', ['-c', sharers]);
    t.teardown(() => child.kill('SIGKILL'));
    child.stderr.pipe(process.stderr);
    const lines = createInterface({input: child.stdout});
    const [ready] = await once(lines, 'line');
    t.is(ready, 'ready');
    const heard: string[] = [];
    lines.on('line', line => heard.push(line));
    t.is((await world.netlinker.socketsAbort([tunnelIp])).length, 24);
    await once(child, 'close');
    t.deepEqual(heard, ['ECONNABORTED 16', 'EINVAL 8']);
  });
}

/** Node 20 cannot set SO_REUSEPORT. Waits until every socket of two such groups has an error, and tells of them. */
const sharers = `
import collections, errno, select, socket
poll = select.poll()
files = {}
for count, kind in ((16, socket.SOCK_DGRAM), (8, socket.SOCK_STREAM)):
    for _ in range(count):
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(('10.99.0.1', 20151))
        s.setblocking(False)
        if kind == socket.SOCK_STREAM: s.listen()
        files[s.fileno()] = s
        poll.register(s)
print('ready', flush=True)
errors = collections.Counter()
while files:
    for number, _ in poll.poll():
        s = files[number]
        try: s.accept() if s.type == socket.SOCK_STREAM else s.recv(1)
        except BlockingIOError: continue
        except OSError as error: errors[errno.errorcode[error.errno]] += 1
        poll.unregister(number)
        del files[number]
for name, count in sorted(errors.items()): print(name, count, flush=True)
`;
