import {spawn} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {existsSync, readFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import {gunzipSync} from 'node:zlib';
import test from 'ava';
import {KernelNetlinker} from '../../../src/netlink/kernel.js';
import type {Netlinker} from '../../../src/netlink/netlinker.js';
import {ipCommands} from './kernel-world.js';
import {net, raise, refuses, route, routesText} from './world.js';

/** What other programs put on the host and this one cannot express must not be mistaken for what it can. */
export function foreignRules(subject: string, open: () => Promise<Netlinker>): void {
  test.serial(`${subject}: rules that ask for more than addresses are not seen and not deleted`, async t => {
    await using netlinker = await open();
    const rule = {priority: 100, table: 100, destination: net('203.0.113.0/24'), protocol: 3};
    const foreign = [
      'priority 100 to 203.0.113.0/24 fwmark 1 lookup 100 protocol 3',
      'priority 100 to 203.0.113.0/24 iif eth0 lookup 100 protocol 3',
      'priority 100 not to 203.0.113.0/24 lookup 100 protocol 3',
      'priority 100 to 203.0.113.0/24 lookup 100 suppress_prefixlength 0 protocol 3',
      'priority 100 to 203.0.113.0/24 blackhole protocol 3',
    ];
    await ipCommands(...foreign.map(text => `rule add ${text}`));
    t.teardown(() => ipCommands(...foreign.map(text => `rule delete ${text}`)));
    t.deepEqual(
      (await netlinker.rules()).filter(({priority}) => priority === 100),
      [],
    );
    await refuses(t, netlinker.ruleDelete(rule), 'ruleDelete', 'missing');
  });

  test.serial(`${subject}: routes of other kinds are left out`, async t => {
    await using netlinker = await open();
    await raise(netlinker);
    const foreign = [
      'blackhole 11.0.0.1/32',
      'unreachable 11.0.0.2/32',
      '11.0.0.3/32 nexthop via 169.254.0.0 dev doublezero0 nexthop via 192.0.2.254 dev eth0',
      '11.0.0.4/32 via inet6 fe80::1 dev doublezero0',
    ];
    await ipCommands(...foreign.map(text => `route add ${text}`));
    t.teardown(() => ipCommands('route delete 11.0.0.1/32', 'route delete 11.0.0.2/32'));
    await netlinker.routesReplace([route('11.0.0.5/32')]);
    const seen = (await routesText(netlinker, {})).filter(line => line.startsWith('11.'));
    t.deepEqual(seen, ['11.0.0.5/32 via 169.254.0.0 dev doublezero0 table 254 proto 186']);
  });
}

export function foreignDevices(subject: string, open: () => Promise<Netlinker>): void {
  const endpoints = 'local 192.0.2.1 remote 192.0.2.9';
  for (const difference of ['key 5', 'icsum', 'oseq', 'pmtudisc', 'tos 4', 'dev eth0'])
    test.serial(`${subject}: a GRE device with ${difference} is no tunnel of ours`, async t => {
      await using netlinker = await open();
      const settings = difference === 'pmtudisc' ? 'pmtudisc' : `nopmtudisc ${difference}`;
      await ipCommands(`link add foreign type gre ${endpoints} ttl 64 ${settings}`);
      t.teardown(() => ipCommands('link delete foreign'));
      t.like(await netlinker.link('foreign'), {kind: 'gre', tunnel: undefined});
    });

  test.serial(`${subject}: a GRE device of the same making is one of ours`, async t => {
    await using netlinker = await open();
    await ipCommands(`link add foreign type gre ${endpoints} ttl 64 nopmtudisc`);
    t.teardown(() => ipCommands('link delete foreign'));
    t.like((await netlinker.link('foreign'))?.tunnel, {name: 'foreign', ttl: 64, mtu: 1476});
  });
}

/** What the kernel says of itself must not be contradicted: a test that follows a wrong answer tests nothing. */
export function asBuilt(subject: string): void {
  const file = '/proc/config.gz'; // not every kernel says how it was built
  if (!existsSync(file)) return;
  test.serial(`${subject}: sockets can be aborted where the kernel was built for it`, async t => {
    await using netlinker = await KernelNetlinker.open();
    const configuration = gunzipSync(readFileSync(file)).toString();
    const {socketAbort} = await netlinker.capabilities();
    t.is(socketAbort, /^CONFIG_INET_DIAG_DESTROY=y$/m.test(configuration));
  });
}

/** Without the right to change the network, reading still works. */
export function otherUsers(subject: string): void {
  test.serial(`${subject}: a process without CAP_NET_ADMIN is told so`, async t => {
    const socket = createSocket('udp4').bind(20_171, '192.0.2.1');
    await once(socket, 'listening');
    t.teardown(() => void socket.close());
    const program = `
      import {KernelNetlinker} from ${JSON.stringify(new URL('../../../src/netlink/kernel.js', import.meta.url))};
      const netlinker = await KernelNetlinker.open();
      const {netAdmin, gre, socketAbort} = await netlinker.capabilities();
      const error = await netlinker.tunnelUp('lo').catch(error => error);
      const link = await netlinker.link('lo');
      const [socket] = await netlinker.sockets([0xc0000201]);
      const abort = await netlinker.socketsAbort([0xc0000201]).catch(error => error.kind);
      const aborted = socketAbort ? 'not-permitted' : 'unsupported';
      const sockets = [socket.local.port, abort === aborted];
      console.log(JSON.stringify({netAdmin, gre, operation: error.operation, kind: error.kind, link: link.name, sockets}));
      await netlinker[Symbol.asyncDispose]();
    `;
    const dropped = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', process.execPath];
    const child = spawn('setpriv', [...dropped, '--input-type=module', '--eval', program]);
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    t.is(errors, '');
    t.deepEqual(JSON.parse(output), {
      netAdmin: false,
      gre: false,
      operation: 'tunnelUp',
      kind: 'not-permitted',
      link: 'lo',
      sockets: [20_171, true],
    });
  });
}
