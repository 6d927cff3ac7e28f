import {chmod, chown, mkdir, readdir, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {withoutKoffi} from '../../lab/without-koffi.js';
import {temporaryFolder} from '../temporary-folder.js';
import {specs} from './controller.js';
import {DaemonProcess, main, runToEnd, socketFolder} from './daemon-process.js';
import {AnyUsersPlace, heldBy, set, stranger} from './privileges-world.js';

/** linux/capability.h */
const [chownCapability, dacReadSearch, setPcap, netAdmin, netRaw, sysPtrace] = [0, 2, 8, 12, 13, 19];
const none = set();
const two = set(netAdmin, netRaw);
const twoNames = ['cap_net_admin', 'cap_net_raw'];

/** Nobody but root has anything to give up, or can become others. */
function asRoot(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (process.getuid?.() === 0 || process.env.CI === 'true') test(title, body);
  else test.skip(`${title}: only root can find that out`, t => t.fail());
}

interface Expected {
  readonly held: Readonly<Record<string, string>>;
  readonly logged: Readonly<Record<string, unknown>>;
}

/** What every thread holds, and that the daemon says so and nothing else about it, works, and ends as always. */
async function expectHeld(t: ExecutionContext, daemon: DaemonProcess, {held, logged}: Expected): Promise<void> {
  const {pid} = await daemon.line('daemon.ready');
  t.is(pid, daemon.child.pid);
  const {threads, held: found} = heldBy(Number(pid));
  t.true(threads > 4);
  t.is(found.length, 1);
  t.like(found[0], held);
  t.like(await daemon.line('daemon.privileges'), logged);
  t.false(daemon.lines.some(({message}) => message === 'daemon.privileges_kept'));
  t.like(await daemon.stop(), {code: 0, stderr: ''});
}

asRoot('root keeps two capabilities, in every thread, and can never have others', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket);
  await expectHeld(t, daemon, {
    held: {CapPrm: two, CapEff: two, CapInh: none, CapAmb: none, CapBnd: two, NoNewPrivs: '1'},
    logged: {level: 'info', uid: 0, capabilities: twoNames, no_new_privs: true},
  });
});

asRoot('to name the programs of others it keeps what that takes, where it is told to', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.start(folder.socket, '--abort-sockets', 'report');
  const four = set(dacReadSearch, netAdmin, netRaw, sysPtrace);
  await expectHeld(t, daemon, {
    held: {CapPrm: four, CapEff: four, CapInh: none, CapAmb: none, CapBnd: four, NoNewPrivs: '1'},
    logged: {capabilities: ['cap_dac_read_search', 'cap_net_admin', 'cap_net_raw', 'cap_sys_ptrace']},
  });
});

asRoot('root in a container that leaves less gives up the rest, also where the bounding set stays', async t => {
  await using folder = await socketFolder();
  const through = ['setpriv', '--bounding-set=-all,+net_admin,+net_raw,+chown', '--inh-caps=-all'];
  await using daemon = await DaemonProcess.startBy([...through, process.execPath, main], folder.socket);
  await expectHeld(t, daemon, {
    held: {CapPrm: two, CapEff: two, CapInh: none, CapBnd: set(chownCapability, netAdmin, netRaw), NoNewPrivs: '1'},
    logged: {uid: 0, capabilities: twoNames, no_new_privs: true},
  });
});

asRoot('root that is left nothing but the two does not begin anew', async t => {
  await using folder = await socketFolder();
  const through = ['setpriv', '--bounding-set=-all,+net_admin,+net_raw', '--inh-caps=-all'];
  await using daemon = await DaemonProcess.startBy([...through, process.execPath, main], folder.socket);
  await expectHeld(t, daemon, {
    held: {CapPrm: two, CapEff: two, CapInh: none, CapBnd: two, NoNewPrivs: '0'},
    logged: {uid: 0, capabilities: twoNames, no_new_privs: false},
  });
});

asRoot('root to whom the kernel gives nothing for being root keeps its ambient ones', async t => {
  await using folder = await socketFolder();
  const some = '-all,+net_admin,+net_raw,+chown';
  const through = ['setpriv', '--securebits=+noroot', `--inh-caps=${some}`, `--ambient-caps=${some}`];
  await using daemon = await DaemonProcess.startBy([...through, process.execPath, main], folder.socket);
  await expectHeld(t, daemon, {
    held: {CapPrm: two, CapEff: two, CapInh: two, CapAmb: two, NoNewPrivs: '1'},
    logged: {uid: 0, capabilities: twoNames, no_new_privs: true},
  });
});

asRoot('arguments and environment are those it was started with', async t => {
  await using folder = await socketFolder();
  const report = `process.on('SIGUSR2', () => console.log(JSON.stringify({message: 'seen', env: process.env, argv: process.execArgv})))`;
  const flag = `--import=data:text/javascript,${encodeURIComponent(report)}`;
  const command = ['env', '-i', 'A=1', 'NAME=with = "wörds" $(x)', process.execPath, '--no-warnings', flag, main];
  await using daemon = await DaemonProcess.startBy(command, folder.socket, '--network', 'nätwork "x"');
  t.is((await daemon.controller.info()).network, 'nätwork "x"');
  daemon.child.kill('SIGUSR2');
  const {env, argv} = await daemon.line('seen');
  t.deepEqual(env, {A: '1', NAME: 'with = "wörds" $(x)'});
  t.deepEqual(argv, ['--no-warnings', flag]);
});

asRoot('another user keeps the needed ones of its ambient capabilities', async t => {
  using place = new AnyUsersPlace();
  const some = '-all,+net_admin,+net_raw,+chown';
  const command = place.command([`--inh-caps=${some}`, `--ambient-caps=${some}`]);
  await using daemon = await DaemonProcess.startBy(command, place.socket('s'));
  await expectHeld(t, daemon, {
    held: {CapPrm: two, CapEff: two, CapInh: two, CapAmb: two, NoNewPrivs: '1'},
    logged: {uid: stranger, gid: stranger, capabilities: twoNames, no_new_privs: true},
  });
});

asRoot('another user without any runs on the model, and can get none', async t => {
  using place = new AnyUsersPlace();
  await using daemon = await DaemonProcess.startBy(place.command(['--inh-caps=-all']), place.socket('s'));
  await expectHeld(t, daemon, {
    held: {CapPrm: none, CapEff: none, CapInh: none, CapAmb: none, NoNewPrivs: '1'},
    logged: {uid: stranger, capabilities: [], no_new_privs: true},
  });
});

asRoot('what a program file gives to another user is kept as far as it is needed', async t => {
  using place = new AnyUsersPlace();
  for (const capabilities of [
    [netAdmin, netRaw],
    [chownCapability, netAdmin, netRaw],
  ]) {
    const command = place.command(['--inh-caps=-all'], place.nodeWith(...capabilities));
    await using daemon = await DaemonProcess.startBy(command, place.socket('s'));
    await expectHeld(t, daemon, {
      held: {CapPrm: two, CapEff: two, CapAmb: none, NoNewPrivs: '1'},
      logged: {uid: stranger, capabilities: twoNames, no_new_privs: true},
    });
  }
});

/** It warns for this reason, and says what it holds all the same. */
async function expectKept(t: ExecutionContext, daemon: DaemonProcess, reason: RegExp): Promise<string[]> {
  const warning = await daemon.line('daemon.privileges_kept');
  t.is(warning.level, 'warn');
  t.regex(String(warning.reason), reason);
  const {capabilities} = await daemon.line('daemon.privileges');
  t.like(await daemon.stop(), {code: 0, stderr: ''});
  return capabilities as string[];
}

asRoot('where it may not begin anew it warns, and names what any thread of it holds', async t => {
  using place = new AnyUsersPlace();
  // The kernel does not start a program whose file has capabilities that the bounding set has no more.
  const node = place.nodeWith(chownCapability, setPcap, netAdmin, netRaw);
  await using daemon = await DaemonProcess.startBy(place.command(['--inh-caps=-all'], node), place.socket('s'));
  const capabilities = await expectKept(t, daemon, /^execve: EPERM$/);
  t.deepEqual(capabilities, ['cap_chown', 'cap_setpcap', ...twoNames]);
});

asRoot('without koffi it warns, and keeps what it has', async t => {
  await using folder = await socketFolder();
  await using daemon = await DaemonProcess.startBy([process.execPath, withoutKoffi, main], folder.socket);
  const capabilities = await expectKept(t, daemon, /koffi has no binary/);
  t.true(capabilities.includes('cap_sys_admin'));
});

asRoot(
  'where the program is in a folder that is closed to others it warns, and keeps what it needs to read it',
  async t => {
    await using folder = await socketFolder();
    await using home = await temporaryFolder();
    const program = join(home.path, 'program', 'main.mjs');
    await mkdir(join(home.path, 'program'));
    await writeFile(program, `await import(${JSON.stringify(pathToFileURL(main).href)});`);
    await chown(join(home.path, 'program'), stranger, stranger);
    await chmod(join(home.path, 'program'), 0o700);
    await using daemon = await DaemonProcess.startBy([process.execPath, program], folder.socket);
    const capabilities = await expectKept(t, daemon, /own files cannot be read: EACCES/);
    t.true(capabilities.includes('cap_dac_override'));
  },
);

asRoot('root hears why it may not use what belongs to others', async t => {
  await using folder = await temporaryFolder();
  const others = join(folder.path, 'others');
  await mkdir(others);
  await chown(others, stranger, stranger);
  const {code, stderr} = await runToEnd(['--netlink=memory', '--socket', join(others, 's')]);
  t.is(code, 2);
  t.regex(stderr, /^doublezerod: --socket: cannot listen on .*EACCES.*CAP_DAC_OVERRIDE.*\n$/);
});

asRoot('root hears that it may not have every port', async t => {
  await using folder = await socketFolder();
  // A namespace, since a container may let everybody have all ports.
  const script = 'ip link set lo up && echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start && exec "$@"';
  const args = ['--netlink=memory', '--socket', folder.socket, '--listen', '127.0.0.1:443'];
  const {code, stderr} = await runToEnd(args, ['unshare', '--net', 'sh', '-c', script, 'sh']);
  t.is(code, 2);
  t.regex(stderr, /^doublezerod: --listen: .*EACCES.*CAP_NET_BIND_SERVICE.*\n$/);
});

test('what it makes is open to nobody but whom it is made for, whatever the umask', async t => {
  await using folder = await temporaryFolder();
  const socket = join(folder.path, 'run', 'doublezerod', 'd.sock');
  const audit = join(folder.path, 'audit.jsonl');
  const command = ['sh', '-c', 'umask 0; exec "$@"', 'sh', process.execPath, main];
  await using daemon = await DaemonProcess.startBy(command, socket, '--audit-log', audit);
  await daemon.controller.provision(specs.ibrl);
  const modes = new Map<string, string>();
  for (const name of await readdir(folder.path, {recursive: true})) {
    modes.set(name, ((await stat(join(folder.path, name))).mode & 0o777).toString(8));
  }
  t.deepEqual(Object.fromEntries(modes), {
    'audit.jsonl': '600',
    run: '755',
    'run/doublezerod': '755',
    'run/doublezerod/d.sock': '660',
  });
  t.like(await daemon.stop(), {code: 0});
});
