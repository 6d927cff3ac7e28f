import {deepEqual, equal, match, ok} from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {defaultSocketPath} from '../../src/rpc/listen-address.js';
import {version} from '../../src/version.js';
import {Controller} from '../controller.js';
import type {Check} from './check.js';
import type {Container, Privileges} from './container.js';

/** What `--cap-add=NET_ADMIN` leaves, of what matters here. */
const asDocumented: Privileges = {capabilities: ['net_admin', 'net_raw']};
const asByDefault: Privileges = {capabilities: ['net_raw']};

const daemon = ({config}: Container, ...flags: string[]) => [...config.Entrypoint, ...flags];
/** The same with the node that has no capabilities. */
const plainDaemon = ({config}: Container, ...flags: string[]) => ['node', ...config.Entrypoint.slice(1), ...flags];
const healthCheck = ({config}: Container) => config.Healthcheck.Test.slice(1);

/** Starting the daemon from the image. */
export const runningChecks: readonly Check[] = [
  [
    'its packages with native code load',
    async container => {
      const load = "await import('netlink'); (await import('koffi')).load(null)";
      deepEqual(await container.run(['node', '--input-type=module', '--eval', load], asByDefault), {
        status: 0,
        output: '',
      });
    },
  ],
  [
    'the daemon runs as the user, with the two capabilities effective, answers, is healthy, and ends with 0',
    async container => {
      await using process = container.start(daemon(container, '--netlink=memory'), asDocumented);
      if (!(await process.says('daemon.ready'))) throw new Error((await process.ended).output);
      const status = await readFile(`/proc/${process.pid}/status`, 'utf8');
      equal(/^Uid:\t(\d+)/m.exec(status)?.[1], container.config.User.split(':')[0]);
      equal(Number.parseInt(/^CapEff:\t(\w+)/m.exec(status)?.[1] ?? '', 16), (1 << 12) | (1 << 13));

      const info = await daemonInfo(container);
      equal(info.version, version);
      equal(info.netlinkBackend, 'memory');

      deepEqual(await container.run(healthCheck(container), asDocumented), {status: 0, output: 'SERVING'});

      const {status: exitCode, output} = await process.stop('SIGTERM');
      equal(exitCode, 0, output);
      ok(!existsSync(join(container.root, defaultSocketPath)), 'the socket is left behind');
      return `version ${info.version}`;
    },
  ],
  [
    'the health check fails where no daemon runs',
    async container => {
      const {status, output} = await container.run(healthCheck(container), asDocumented);
      equal(status, 1, output);
    },
  ],
  [
    'the kernel backend gets as far as this machine’s kernel allows, which takes CAP_NET_ADMIN',
    async container => {
      await using process = container.start(daemon(container), asDocumented);
      if (kernelHasGre()) {
        if (!(await process.says('daemon.ready'))) throw new Error((await process.ended).output);
        equal((await process.stop('SIGTERM')).status, 0);
        return 'it is up';
      }
      const {status, output} = await process.ended;
      equal(status, 2, output);
      match(output, /this kernel cannot make GRE interfaces/);
      return 'no GRE in this kernel, and the daemon says so';
    },
  ],
  [
    'under no-new-privileges the daemon says which capability it lacks',
    async container => {
      const privileges = {...asDocumented, noNewPrivileges: true};
      const {status, output} = await container.run(daemon(container), privileges);
      equal(status, 2, output);
      match(output, /CAP_NET_ADMIN/);
    },
  ],
  [
    'without --cap-add the kernel refuses to start the daemon',
    async container => {
      const {status, output} = await container.run(daemon(container), asByDefault);
      equal(status, 126, output);
      match(output, /Operation not permitted/);
    },
  ],
  [
    'with the plain node the API can be tried without any capability',
    async container => {
      const command = plainDaemon(container, '--netlink=memory');
      await using process = container.start(command, {capabilities: [], noNewPrivileges: true});
      if (!(await process.says('daemon.ready'))) throw new Error((await process.ended).output);
      equal((await process.stop('SIGTERM')).status, 0);
    },
  ],
];

async function daemonInfo(container: Container) {
  // A short way to the socket: its path may have 107 bytes, and a container's root folder alone has more.
  const folder = await mkdtemp(join(tmpdir(), 'image-check-'));
  try {
    await symlink(container.root, join(folder, 'root'));
    using controller = new Controller(join(folder, 'root', defaultSocketPath));
    return await controller.daemonInfo();
  } finally {
    await rm(folder, {recursive: true});
  }
}

function kernelHasGre(): boolean {
  const device = ['link', 'add', 'probe0', 'type', 'gre', 'local', '192.0.2.1', 'remote', '192.0.2.2'];
  return spawnSync('unshare', ['--net', 'ip', ...device]).status === 0;
}
