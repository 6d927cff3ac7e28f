import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Controller} from '../lab/controller.js';
import {specs} from '../lab/specs.js';
import {TestCa, writeTlsFiles} from '../test/certificates.js';
import {http2Attacks, tlsAttacks} from '../test/rpc/attacks.js';
import {attack, latencies} from '../test/rpc/siege.js';
import {Child, daemonProgram, temporaryFolder} from './child.js';
import type {Part} from './part.js';
import {quantile, type Row, row} from './row.js';

const duration = 2000;
const plain = {address: '127.0.0.1:7300', connections: 256};
const tls = {address: '127.0.0.1:7301', connections: 1000};

/**
 * How long an operator at the Unix socket waits for GetTunnel while the daemon is attacked, against the same without an attack
 * just before. Each attack has a daemon of its own. Attackers and daemon share the machine's processors.
 */
export const hostile: Part = async note => {
  await using folder = await temporaryFolder();
  const ca = await TestCa.create();
  const files = await writeTlsFiles(folder.path, await ca.server(), ca.pem);
  const policy = join(folder.path, 'policy.yaml');
  await writeFile(policy, `bindings:\n  - role: operator\n    identities: [anonymous, "uid:${process.getuid?.()}"]\n`);
  const attacks = [
    ...Object.keys(http2Attacks).map(name => ({name, ...plain})),
    ...Object.keys(await tlsAttacks()).map(name => ({name, ...tls})),
  ];
  const rows: Row[] = [];
  for (const [index, {name, address, connections}] of attacks.entries()) {
    const socket = folder.socket(`daemon-${index}`);
    await using daemon = await Child.start(
      daemonProgram,
      ...['--netlink=memory', '--socket', socket, '--policy', policy],
      ...['--listen', plain.address, '--listen', `tls:${tls.address}`],
      ...['--tls-cert', files.cert, '--tls-key', files.key, '--tls-client-ca', files.clientCa],
    );
    using controller = new Controller(socket);
    const tunnel = await controller.provision(specs.multicast);
    await latencies(`unix:${socket}`, tunnel.name, 500);
    const calm = await latencies(`unix:${socket}`, tunnel.name, duration);
    await using attackers = await attack(address, connections, name);
    const busy = await latencies(`unix:${socket}`, tunnel.name, duration);
    note(
      `hostile: ${name}, ${await attackers.end()} connections: ${busy.length} answers, the slowest after ` +
        `${Math.max(...busy).toFixed(0)} ms; the daemon has ${Math.round(daemon.residentMemory() / 1e6)} MB`,
    );
    rows.push(row(`GetTunnel p99, ${name}, against none`, quantile(busy, 0.99), quantile(calm, 0.99), 'ms'));
  }
  return rows;
};
