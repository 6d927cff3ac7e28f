import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import type {Libc} from '../../src/libc/libc.js';
import {decodeIpv4Datagram} from '../../src/multicast/ipv4-datagram.js';
import {KernelSockets} from '../../src/multicast/kernel/kernel-sockets.js';
import {loadLibc} from '../../src/multicast/kernel/socket-calls.js';
import {KernelNetlinker} from '../../src/netlink/kernel.js';
import {addresses, type End, multicastSocketsContract} from './multicast-sockets.js';
import {ipCommands} from './netlinker/kernel-world.js';

const run = promisify(execFile);

/** A raw UDP socket on one interface, a member of the group: it hears headers too. Resolves to what closes it. */
function hearUdp(libc: Libc, {interface: device, index}: End, onDatagram: (bytes: Uint8Array) => void): () => void {
  const fd = libc.socket(2, 3 | 0o4000, 17);
  const membership = Buffer.alloc(12);
  membership.writeUInt32BE(addresses.group);
  membership.writeInt32LE(index, 8);
  const name = Buffer.from(`${device}\0`);
  const refused = [libc.setsockopt(fd, 1, 25, name, name.length), libc.setsockopt(fd, 0, 35, membership, 12)];
  if (refused.some(result => result !== 0)) throw new Error(`no raw UDP socket: errno ${libc.errno()}`);
  const buffer = Buffer.alloc(2048);
  const timer = setInterval(() => {
    for (let length = 0; length >= 0; ) {
      length = libc.recv(fd, buffer, buffer.length, 0);
      if (length > 0) onDatagram(Uint8Array.from(buffer.subarray(0, length)));
    }
  }, 20);
  return () => {
    clearInterval(timer);
    libc.close(fd);
  };
}

/** Both ends of the wire are in one namespace, whose kernel has to be told to believe that. */
async function makeWire(): Promise<void> {
  await ipCommands(
    'link set lo up',
    'link add near mtu 1476 type veth peer name far mtu 1476',
    'address add 169.254.77.1/31 dev near',
    'address add 10.99.0.1/32 dev near',
    'address add 169.254.77.0/31 dev far',
    'link set near up',
    'link set far up',
  );
  const settings = ['near', 'far'].flatMap(name => [
    `echo 1 >/proc/sys/net/ipv4/conf/${name}/accept_local`,
    `echo 0 >/proc/sys/net/ipv4/conf/${name}/rp_filter`,
  ]);
  await run('sh', ['-c', settings.join(' && ')]);
}

async function open() {
  await run('sh', ['-c', 'ip link del near 2>&1 || true']);
  await makeWire();
  await using netlinker = await KernelNetlinker.open();
  const end = async (name: 'near' | 'far'): Promise<End> => ({
    interface: name,
    index: (await netlinker.link(name))?.index ?? 0,
    source: addresses[name],
  });
  const libc = await loadLibc();
  const listeners: (() => void)[] = [];
  return {
    sockets: new KernelSockets(),
    near: await end('near'),
    far: await end('far'),
    remove: async () => void (await ipCommands('link del near')),
    async hearHeartbeats(at: End, hear: (datagram: NonNullable<ReturnType<typeof decodeIpv4Datagram>>) => void) {
      const listener = hearUdp(libc, at, bytes => {
        const datagram = decodeIpv4Datagram(bytes);
        if (datagram?.destination === addresses.group) hear(datagram);
      });
      listeners.push(listener);
    },
    async [Symbol.asyncDispose]() {
      for (const stop of listeners) stop();
    },
  };
}

/** Says that this process is in a network namespace that may be changed at will, and is root there. */
const inLaboratory = process.env.DOUBLEZEROD_LAB === '1';

if (inLaboratory) {
  multicastSocketsContract('kernel', open);

  test.serial('kernel: a process without CAP_NET_RAW is refused with a name for it', async t => {
    const module = (name: string) => JSON.stringify(new URL(`../../src/multicast/${name}.js`, import.meta.url).href);
    const program = `
      const {KernelSockets} = await import(${module('kernel/kernel-sockets')});
      const options = {interface: 'lo', index: 1, source: 0x7f000001, hearsAllRouters: true, onDatagram() {}};
      const error = await new KernelSockets().openPim(options).catch(error => error);
      console.log(error.name, error.kind, error.message);`;
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const {stdout} = await run('setpriv', ['--bounding-set', '-net_raw', '--inh-caps', '-net_raw', ...node]);
    t.is(stdout.trim(), 'SocketError not-permitted socket: EPERM');
  });
} else {
  test.skip('kernel: runs where DOUBLEZEROD_LAB=1 says that the network namespace is a throwaway', t => t.fail());
}
